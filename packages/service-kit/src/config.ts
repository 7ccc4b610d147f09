import { readFileSync } from 'node:fs'
import * as z from 'zod'
import type { TracingConfig } from './tracing.ts'

/** A configuration that cannot be used. The message is one line that lists every problem. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: readonly string[]

  /** @param problems each names a variable and what is wrong with it, never its value where that is secret. */
  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(`The configuration cannot be used: ${problems.join('; ')}`, options)
    this.problems = problems
  }
}

/**
 * Reads the environment through a zod object whose keys are variable names.
 * @throws ConfigError that names every missing or malformed variable at once, without its value.
 */
export function readEnvironment<Shape extends z.ZodRawShape>(
  env: NodeJS.ProcessEnv,
  shape: Shape,
): z.output<z.ZodObject<Shape>> {
  // An empty value counts as unset, because manifests and compose files cannot say "unset".
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = z.object(shape).safeParse(given)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => {
    const name = issue.path.join('.')
    return given[name] === undefined ? `${name} is not set` : `${name}: ${issue.message}`
  })
  throw new ConfigError(problems)
}

export const port = z.coerce.number().int().min(0).max(65535)
export const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
export const secret = z.string().min(32, 'must have at least 32 characters')
export const count = z.coerce.number().int().min(1)
export const milliseconds = z.coerce.number().int().min(0)

/** What every process that answers HTTP reads. */
export const httpEnvironment = {
  PORT: port,
  HOST: z.string().default('0.0.0.0'),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  INTERNAL_TOKEN: secret,
  DRAIN_DELAY_MS: milliseconds.default(0),
  // The names are OpenTelemetry's own.
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(0.1),
}

/** What every process with a schema of its own reads. */
export const databaseEnvironment = {
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// URL' }),
  DATABASE_CA_FILE: z.string().optional(),
  DATABASE_POOL_SIZE: count.max(200).default(10),
  JOB_TIMEOUT_MS: milliseconds.min(100).default(60_000),
}

export const redisEnvironment = {
  REDIS_URL: z.url({ protocol: /^rediss?$/, error: 'must be a redis:// URL' }),
}

/** The groups that `createServer` takes, from the variables of `httpEnvironment`. */
export function httpConfig(env: z.output<z.ZodObject<typeof httpEnvironment>>) {
  return {
    port: env.PORT,
    host: env.HOST,
    logLevel: env.LOG_LEVEL,
    internalToken: env.INTERNAL_TOKEN,
    drainDelayMs: env.DRAIN_DELAY_MS,
    tracing: tracingConfig(env),
  }
}

/** Where traces go and which part of them; undefined where none are recorded. */
export function tracingConfig(env: {
  OTEL_EXPORTER_OTLP_ENDPOINT?: string | undefined
  OTEL_TRACES_SAMPLER_ARG: number
}): TracingConfig | undefined {
  const endpoint = env.OTEL_EXPORTER_OTLP_ENDPOINT
  return endpoint === undefined ? undefined : { endpoint, ratio: env.OTEL_TRACES_SAMPLER_ARG }
}

/** The group that `createDb` takes, from the variables of `databaseEnvironment`. */
export function databaseConfig(env: z.output<z.ZodObject<typeof databaseEnvironment>>) {
  const ca = env.DATABASE_CA_FILE === undefined ? undefined : readCertificates(env.DATABASE_CA_FILE)
  return { url: env.DATABASE_URL, ca, poolSize: env.DATABASE_POOL_SIZE, jobTimeoutMs: env.JOB_TIMEOUT_MS }
}

/** The text of a file of trusted certificates. @throws ConfigError when it cannot be read. */
export function readCertificates(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    throw new ConfigError([`DATABASE_CA_FILE: ${file} cannot be read (${code})`], { cause: err })
  }
}

export type HttpConfig = ReturnType<typeof httpConfig>
export type DatabaseConfig = ReturnType<typeof databaseConfig>
