import {
  ConfigError,
  databaseConfig,
  databaseEnvironment,
  httpConfig,
  httpEnvironment,
  httpUrl,
  milliseconds,
  readEnvironment,
} from '@urbanbloom/service-kit/config'
import * as z from 'zod'

export type Config = ReturnType<typeof readConfig>

const STRIPE_URL = 'https://api.stripe.com'

/** The environment of `payment`; the only place that reads it. */
export function readConfig(env: NodeJS.ProcessEnv) {
  const values = readEnvironment(env, {
    ...httpEnvironment,
    ...databaseEnvironment,
    AUTH_URL: httpUrl,
    ORDER_URL: httpUrl,
    STRIPE_API_URL: httpUrl.default(STRIPE_URL),
    STRIPE_API_KEY: z
      .string()
      .regex(/^[rs]k_(test|live)_\w+$/, 'must be a secret or restricted key of Stripe'),
    STRIPE_WEBHOOK_SECRET: z.string().min(8, 'must have at least 8 characters'),
    STRIPE_IS_SANDBOX: z.stringbool().default(false),
    STRIPE_TIMEOUT_MS: milliseconds.min(50).max(60_000).default(2_000),
    SETTLE_INTERVAL_MS: milliseconds.min(10).default(2_000),
    SETTLE_AFTER_MS: milliseconds.default(15_000),
  })
  if (values.STRIPE_IS_SANDBOX && new URL(values.STRIPE_API_URL).protocol === 'https:') {
    throw new ConfigError([
      'STRIPE_IS_SANDBOX: the sandbox is a local http:// server; unset it for Stripe itself',
    ])
  }
  return {
    http: httpConfig(values),
    database: databaseConfig(values),
    authUrl: values.AUTH_URL,
    orderUrl: values.ORDER_URL,
    stripe: {
      apiUrl: values.STRIPE_API_URL,
      apiKey: values.STRIPE_API_KEY,
      webhookSecret: values.STRIPE_WEBHOOK_SECRET,
      /** Whether the provider offers the sandbox's own calls. */
      isSandbox: values.STRIPE_IS_SANDBOX,
      /** Limit of one try of one call; a call has two tries. */
      timeoutMs: values.STRIPE_TIMEOUT_MS,
    },
    settle: {
      intervalMs: values.SETTLE_INTERVAL_MS,
      /** How long the request that began something has to finish it before the settling job takes over. */
      afterMs: values.SETTLE_AFTER_MS,
    },
  }
}
