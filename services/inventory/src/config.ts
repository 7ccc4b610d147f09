import {
  databaseConfig,
  databaseEnvironment,
  httpConfig,
  httpEnvironment,
  httpUrl,
  milliseconds,
  readEnvironment,
  redisEnvironment,
} from '@urbanbloom/service-kit/config'

export type Config = ReturnType<typeof readConfig>

/** The environment of `inventory`; the only place that reads it. */
export function readConfig(env: NodeJS.ProcessEnv) {
  const values = readEnvironment(env, {
    ...httpEnvironment,
    ...databaseEnvironment,
    ...redisEnvironment,
    AUTH_URL: httpUrl,
    ORDER_URL: httpUrl,
    RESERVATION_HOLD_MS: milliseconds.min(1_000).default(15 * 60_000),
    RESERVATION_SWEEP_INTERVAL_MS: milliseconds.min(100).default(10_000),
    PRODUCT_CACHE_MS: milliseconds.min(1_000).default(60_000),
    LIST_CACHE_MS: milliseconds.min(1_000).default(5_000),
  })
  return {
    http: httpConfig(values),
    database: databaseConfig(values),
    redisUrl: values.REDIS_URL,
    authUrl: values.AUTH_URL,
    orderUrl: values.ORDER_URL,
    /** How long stock is held before `order` is asked whether it is still wanted. */
    holdMs: values.RESERVATION_HOLD_MS,
    sweepIntervalMs: values.RESERVATION_SWEEP_INTERVAL_MS,
    /** How stale a product page can be when its invalidation got lost and no repair came through. */
    productCacheMs: values.PRODUCT_CACHE_MS,
    /** How stale the quantities on a list page can be. */
    listCacheMs: values.LIST_CACHE_MS,
  }
}
