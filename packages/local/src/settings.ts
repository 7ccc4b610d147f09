import { join } from 'node:path'
import { Failure } from './failure.ts'
import { type ProgramName, programNames, repository } from './programs.ts'

/** What a person can change about the local system, all by environment variables. */
export type Settings = {
  /** Everything that is kept between two starts. */
  dataFolder: string
  ports: Record<ProgramName, number>
  /** Where the gateway answers `/metrics`: a port of its own, because the public one never does. */
  gatewayMetricsPort: number
  /** Given servers, used instead of our own. */
  databaseUrl: string | undefined
  redisUrl: string | undefined
  /** Ports of our own servers; any free one unless given. */
  postgresPort: number | undefined
  redisPort: number | undefined
  logLevel: string
}

const defaultPorts: Record<ProgramName, number> = {
  gateway: 8080,
  auth: 8081,
  inventory: 8082,
  order: 8083,
  payment: 8084,
  'delivery-routing': 8085,
  'payment-sandbox': 8090,
}

/**
 * Reads the settings; the only place of this package that reads the environment for them.
 * @throws Failure that names the variable whose value cannot be used.
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const ports = { ...defaultPorts }
  for (const name of programNames) ports[name] = readPort(env, portVariable(name)) ?? defaultPorts[name]
  return {
    dataFolder: env.DATA_FOLDER || join(repository, '.data'),
    ports,
    gatewayMetricsPort: readPort(env, 'GATEWAY_METRICS_PORT') ?? 8086,
    databaseUrl: readUrl(env, 'DATABASE_URL', ['postgres:', 'postgresql:']),
    redisUrl: readUrl(env, 'REDIS_URL', ['redis:', 'rediss:']),
    postgresPort: readPort(env, 'POSTGRES_PORT'),
    redisPort: readPort(env, 'REDIS_PORT'),
    logLevel: env.LOG_LEVEL || 'info',
  }
}

/** The variable that changes a program's port: `DELIVERY_ROUTING_PORT` and its like. */
export function portVariable(program: ProgramName): string {
  return `${program.toUpperCase().replaceAll('-', '_')}_PORT`
}

function readPort(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = env[name]
  if (text === undefined || text === '') return undefined
  const port = Number(text)
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port
  throw new Failure(`${name} is "${text}", which is not a port: set it to a number from 1 to 65535.`)
}

function readUrl(env: NodeJS.ProcessEnv, name: string, protocols: readonly string[]): string | undefined {
  const text = env[name]
  if (text === undefined || text === '') return undefined
  if (protocols.includes(URL.parse(text)?.protocol ?? '')) return text
  // The value is not shown: it may hold a password.
  throw new Failure(
    `${name} is not a URL that begins with ${protocols.join('// or ')}//: correct it or unset it.`,
  )
}
