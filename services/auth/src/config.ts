import {
  count,
  databaseConfig,
  databaseEnvironment,
  httpConfig,
  httpEnvironment,
  milliseconds,
  readEnvironment,
  redisEnvironment,
  secret,
} from '@urbanbloom/service-kit/config'

export type Config = ReturnType<typeof readConfig>

const DAY_MS = 86_400_000

/** The environment of `auth`; with `readKeyConfig` the only place that reads it. */
export function readConfig(env: NodeJS.ProcessEnv) {
  const values = readEnvironment(env, {
    ...httpEnvironment,
    ...databaseEnvironment,
    ...redisEnvironment,
    SIGNING_KEY_SECRET: secret,
    SIGNING_KEY_AGE_MS: milliseconds.default(30 * DAY_MS),
    SIGNING_KEY_CHECK_MS: milliseconds.min(100).default(30_000),
    ACCESS_TOKEN_SECONDS: count.max(3_600).default(900),
    REFRESH_TOKEN_SECONDS: count.max(31_536_000).default(30 * 86_400),
    HASH_CONCURRENCY: count.max(64).default(2),
    HASH_QUEUE_LIMIT: count.max(10_000).default(250),
    LOGIN_FAILURES_PER_ACCOUNT: count.default(10),
    LOGIN_FAILURES_PER_ADDRESS: count.default(100),
    LOGIN_FAILURE_WINDOW_MS: milliseconds.min(1_000).default(15 * 60_000),
  })
  return {
    http: httpConfig(values),
    database: databaseConfig(values),
    redisUrl: values.REDIS_URL,
    keys: {
      secret: values.SIGNING_KEY_SECRET,
      /** How long a key signs before the next one takes over. */
      ageMs: values.SIGNING_KEY_AGE_MS,
      /** How often each process looks whether a key is due and which one signs. */
      checkMs: values.SIGNING_KEY_CHECK_MS,
    },
    tokens: {
      accessSeconds: values.ACCESS_TOKEN_SECONDS,
      refreshSeconds: values.REFRESH_TOKEN_SECONDS,
    },
    passwords: {
      /** Hashes at a time; each takes a core and 19 MiB. */
      concurrency: values.HASH_CONCURRENCY,
      /** How many may wait for their turn before further ones are refused with 503. */
      queueLimit: values.HASH_QUEUE_LIMIT,
    },
    throttle: {
      failuresPerAccount: values.LOGIN_FAILURES_PER_ACCOUNT,
      failuresPerAddress: values.LOGIN_FAILURES_PER_ADDRESS,
      windowMs: values.LOGIN_FAILURE_WINDOW_MS,
    },
  }
}

/** What `rotate-keys` reads. */
export function readKeyConfig(env: NodeJS.ProcessEnv) {
  const values = readEnvironment(env, { ...databaseEnvironment, SIGNING_KEY_SECRET: secret })
  return { database: databaseConfig(values), secret: values.SIGNING_KEY_SECRET }
}
