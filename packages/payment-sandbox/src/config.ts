import { z } from 'zod'

export type SandboxConfig = {
  host: string
  /** 0 takes any free port. */
  port: number
  /** The one key that callers must send; `sk_test_…`. */
  apiKey: string
  webhookUrl: string
  webhookSecret: string
  /** The types of events that the endpoint is subscribed to; null for all, as with Stripe's `enabled_events: ['*']`. */
  webhookEvents: ReadonlySet<string> | null
  /** Folder of the journal; null keeps everything in memory. */
  dataDir: string | null
  /** How long after its request a `tok_timeout` payment is settled. */
  settleDelayMs: number
  /** Pauses before the second, third, … try of a webhook; its length bounds the tries. */
  webhookRetryDelaysMs: readonly number[]
}

const WEBHOOK_RETRY_DELAYS_MS = [500, 1_000, 2_000, 5_000, 15_000, 30_000, 60_000]

const wholeNumber = (name: string, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `${name} must be a whole number`)
    .transform(Number)
    .refine((value) => value <= max, `${name} must be at most ${max}`)

const Environment = z.object({
  PORT: wholeNumber('PORT', 65_535).default(8099),
  HOST: z.string().min(1).default('127.0.0.1'),
  SANDBOX_API_KEY: z.string().regex(/^sk_test_\w+$/, 'SANDBOX_API_KEY must look like sk_test_…'),
  SANDBOX_WEBHOOK_URL: z.url({ protocol: /^https?$/, error: 'SANDBOX_WEBHOOK_URL must be an http(s) URL' }),
  SANDBOX_WEBHOOK_SECRET: z.string().min(8, 'SANDBOX_WEBHOOK_SECRET must have at least 8 characters'),
  SANDBOX_WEBHOOK_EVENTS: z.string().min(1).optional(),
  SANDBOX_DATA_DIR: z.string().min(1).optional(),
  SANDBOX_SETTLE_DELAY_MS: wholeNumber('SANDBOX_SETTLE_DELAY_MS', 3_600_000).default(4_000),
})

/** Reads the sandbox's configuration and throws one error that lists everything wrong with it. */
export function readConfig(env: Record<string, string | undefined>): SandboxConfig {
  const result = Environment.safeParse(env)
  if (!result.success) {
    const problems = result.error.issues.map((issue) =>
      env[String(issue.path[0])] === undefined ? `${String(issue.path[0])} is not set` : issue.message,
    )
    throw new Error(`The payment sandbox cannot start:\n${problems.map((line) => `  - ${line}`).join('\n')}`)
  }
  const value = result.data
  return {
    host: value.HOST,
    port: value.PORT,
    apiKey: value.SANDBOX_API_KEY,
    webhookUrl: value.SANDBOX_WEBHOOK_URL,
    webhookSecret: value.SANDBOX_WEBHOOK_SECRET,
    webhookEvents:
      value.SANDBOX_WEBHOOK_EVENTS === undefined ? null : new Set(value.SANDBOX_WEBHOOK_EVENTS.split(',')),
    dataDir: value.SANDBOX_DATA_DIR ?? null,
    settleDelayMs: value.SANDBOX_SETTLE_DELAY_MS,
    webhookRetryDelaysMs: WEBHOOK_RETRY_DELAYS_MS,
  }
}
