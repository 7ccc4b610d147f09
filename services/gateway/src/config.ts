import {
  count,
  httpEnvironment,
  milliseconds,
  port,
  readEnvironment,
  redisEnvironment,
  tracingConfig,
} from '@urbanbloom/service-kit/config'
import * as z from 'zod'

/** For what is left to close after the last answer. */
const CLOSING_MS = 5_000

export type Config = ReturnType<typeof readConfig>

/** The gateway never calls a path under `/internal`, so it is not given the token for them. */
const { INTERNAL_TOKEN: _unused, ...listenEnvironment } = httpEnvironment

/** The environment of `gateway`; the only place that reads it. */
export function readConfig(env: NodeJS.ProcessEnv) {
  const values = readEnvironment(env, {
    ...listenEnvironment,
    ...redisEnvironment,
    METRICS_PORT: port.optional(),
    AUTH_URL: replicaUrls,
    INVENTORY_URL: replicaUrls,
    ORDER_URL: replicaUrls,
    PAYMENT_URL: replicaUrls,
    DELIVERY_ROUTING_URL: replicaUrls,
    OPTIMIZER_URL: replicaUrls.optional(),
    REQUEST_TIMEOUT_MS: milliseconds.min(1).default(10_000),
    CHECKOUT_TIMEOUT_MS: milliseconds.min(1).default(15_000),
    OPTIMIZE_TIMEOUT_MS: milliseconds.min(1).default(90_000),
    REQUEST_ARRIVAL_TIMEOUT_MS: milliseconds.min(1).default(15_000),
    RATE_LIMIT_PER_MINUTE: count.default(600),
    AUTH_RATE_LIMIT_PER_MINUTE: count.default(60),
    WEBHOOK_RATE_LIMIT_PER_MINUTE: count.default(60_000),
    TRUST_PROXY: z.coerce.number().int().min(0).max(10).default(0),
    CORS_ORIGINS: origins.default([]),
  })
  return {
    port: values.PORT,
    host: values.HOST,
    logLevel: values.LOG_LEVEL,
    drainDelayMs: values.DRAIN_DELAY_MS,
    tracing: tracingConfig(values),
    /** Where Prometheus reads; undefined for nowhere, because the public port never answers `/metrics`. */
    metricsPort: values.METRICS_PORT,
    redisUrl: values.REDIS_URL,
    upstreams: {
      auth: values.AUTH_URL,
      inventory: values.INVENTORY_URL,
      order: values.ORDER_URL,
      payment: values.PAYMENT_URL,
      'delivery-routing': values.DELIVERY_ROUTING_URL,
    },
    /** Where routing problems go; undefined for delivery-routing itself. */
    optimizerUrls: values.OPTIMIZER_URL,
    timeouts: {
      /** For the whole request to come in: nobody holds a connection by sending a byte a minute. */
      arrivalMs: values.REQUEST_ARRIVAL_TIMEOUT_MS,
      /** For the answer of a service, from the whole request to the last byte. */
      defaultMs: values.REQUEST_TIMEOUT_MS,
      checkoutMs: values.CHECKOUT_TIMEOUT_MS,
      optimizeMs: values.OPTIMIZE_TIMEOUT_MS,
    },
    /** What was begun may take as long as the longest answer, a routing problem's; then the rest is closed. */
    closeLimitMs:
      values.DRAIN_DELAY_MS +
      Math.max(values.REQUEST_TIMEOUT_MS, values.CHECKOUT_TIMEOUT_MS, values.OPTIMIZE_TIMEOUT_MS) +
      CLOSING_MS,
    rateLimits: {
      perMinute: values.RATE_LIMIT_PER_MINUTE,
      authPerMinute: values.AUTH_RATE_LIMIT_PER_MINUTE,
      webhookPerMinute: values.WEBHOOK_RATE_LIMIT_PER_MINUTE,
    },
    /** How many proxies of ours stand in front, whose `X-Forwarded-*` may be believed. */
    trustedProxies: values.TRUST_PROXY,
    corsOrigins: values.CORS_ORIGINS,
  }
}

/** `http://a:8083,http://b:8083`: every replica of one service. */
const replicaUrls = commaSeparated('must be one or more http(s) URLs without a path, separated by commas')

/** `https://shop.example,https://ops.example`: origins exactly as a browser sends them. */
const origins = commaSeparated('must be origins such as https://shop.example, separated by commas')

function commaSeparated(error: string) {
  return z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim().replace(/\/$/, '')))
    .refine((urls) => urls.every(isOrigin), error)
}

function isOrigin(url: string): boolean {
  return /^https?:/.test(url) && URL.canParse(url) && new URL(url).origin === url.toLowerCase()
}
