import {
  count,
  databaseConfig,
  databaseEnvironment,
  httpConfig,
  httpEnvironment,
  httpUrl,
  milliseconds,
  readEnvironment,
  redisEnvironment,
} from '@urbanbloom/service-kit/config'
import { objectStoreConfig, objectStoreEnvironment } from '@urbanbloom/service-kit/object-store-config'
import * as z from 'zod'

export type Config = ReturnType<typeof readConfig>

const minutes = z.coerce.number().int().min(0)

/** How customers and subscribers are told. */
const messageEnvironment = {
  SMTP_URL: z.url({ protocol: /^smtps?$/, error: 'must be an smtp:// or smtps:// URL' }).optional(),
  MAIL_FOLDER: z.string().optional(),
  MAIL_FROM: z.string().min(3).max(300).default('UrbanBloom <hello@urbanbloom.example>'),
  WEBHOOK_PRIVATE_ADDRESSES: z.enum(['allow', 'refuse']).default('refuse'),
}

const optimizeEnvironment = {
  OPTIMIZE_THREADS: count.max(16).default(1),
  OPTIMIZE_SEARCH_THREADS: count.max(16).optional(),
  OPTIMIZE_WARM_THREADS: z.coerce.number().int().min(0).max(16).default(1),
  OPTIMIZE_QUEUE_MAX: z.coerce.number().int().min(0).max(1_000).default(8),
}

/** The environment of `delivery-routing`; the only place that reads it. */
export function readConfig(env: NodeJS.ProcessEnv) {
  const values = readEnvironment(env, {
    ...httpEnvironment,
    ...databaseEnvironment,
    ...redisEnvironment,
    ...objectStoreEnvironment,
    AUTH_URL: httpUrl,
    ORDER_URL: httpUrl,
    INVENTORY_URL: httpUrl,
    ROLE: z.enum(['all', 'api', 'optimizer']).default('all'),
    PUBLIC_URL: httpUrl.default('http://127.0.0.1:8080'),
    WINDOW_CUT_OFF_MINUTES: minutes.max(24 * 60).default(45),
    HOLD_LIMIT_MS: milliseconds.default(30 * 60_000),
    SWEEP_INTERVAL_MS: milliseconds.default(15_000),
    FAILURE_DECISION_MINUTES: minutes.max(24 * 60).default(60),
    PLAN_TIME_LIMIT_MS: milliseconds.max(60_000).default(10_000),
    SSE_CONNECTIONS_MAX: count.default(2_500),
    SSE_STALLED_MS: milliseconds.default(20_000),
    CODE_FROM_CENTS: count.max(100_000_000).optional(),
    TRACK_KEPT_DAYS: count.min(7).max(400).default(30),
    POSITION_SPEED_MAX_MPS: count.default(56),
    ...optimizeEnvironment,
    ...messageEnvironment,
    OSRM_URL: httpUrl.optional(),
    OSRM_PROFILE: z.string().min(1).max(50).default('driving'),
    OSRM_TIMEOUT_MS: milliseconds.min(10).default(2_000),
    OSRM_LIMIT_MS: milliseconds.min(10).default(5_000),
    OSRM_TABLE_SIZE: count.min(2).max(10_000).default(100),
  })
  return {
    http: httpConfig(values),
    database: databaseConfig(values),
    redisUrl: values.REDIS_URL,
    /** Where pictures of handovers are kept. */
    objects: objectStoreConfig(values),
    authUrl: values.AUTH_URL,
    orderUrl: values.ORDER_URL,
    inventoryUrl: values.INVENTORY_URL,
    /** `api` never plans; `optimizer` and `all` take plans from the queue. */
    role: values.ROLE,
    /** Where a customer's browser finds the gateway; the start of a tracking link. */
    publicUrl: values.PUBLIC_URL,
    /** How long before its start a window is no longer offered. */
    windowCutOffMs: values.WINDOW_CUT_OFF_MINUTES * 60_000,
    /** After this the order is asked whether its hold may go; longer than a bank's approval may take. */
    holdLimitMs: values.HOLD_LIMIT_MS,
    sweepIntervalMs: values.SWEEP_INTERVAL_MS,
    /** The most that the optimizer may take for one plan. */
    planTimeLimitMs: values.PLAN_TIME_LIMIT_MS,
    /** How long after a failed delivery the rule decides what comes next, where no dispatcher has. */
    failureDecisionMs: values.FAILURE_DECISION_MINUTES * 60_000,
    /** Orders whose plants cost so much are handed over for the customer's code; null: only where the customer asks. */
    codeFromCents: values.CODE_FROM_CENTS ?? null,
    /** How many event streams one process serves, and how long the reader of one may take nothing. */
    sse: { max: values.SSE_CONNECTIONS_MAX, stalledMs: values.SSE_STALLED_MS },
    /** `POST /v1/optimize`. */
    optimize: {
      /** How many requests are carried out at a time. */
      threads: values.OPTIMIZE_THREADS,
      /** How many threads search for one of them together; by default the cores are shared out among the requests. */
      ...(values.OPTIMIZE_SEARCH_THREADS !== undefined && { searchThreads: values.OPTIMIZE_SEARCH_THREADS }),
      /** How many of the threads are there before they are needed. */
      warmThreads: values.OPTIMIZE_WARM_THREADS,
      /** How many requests may wait. */
      queueMax: values.OPTIMIZE_QUEUE_MAX,
    },
    /** How long the tracks of vans are kept. */
    trackKeptDays: values.TRACK_KEPT_DAYS,
    /** Metres in a second that no van drives, 200 km/h unless given; positions that would need more are ignored. */
    positionSpeedMaxMps: values.POSITION_SPEED_MAX_MPS,
    /** Mail goes by SMTP; or, on a developer's machine, into a folder; or, where neither is named, nowhere. */
    mail: { smtpUrl: values.SMTP_URL, folder: values.MAIL_FOLDER, from: values.MAIL_FROM },
    /** Whether subscribers may be on this machine or in this network, and without TLS; never in production. */
    webhooks: { allowsPrivate: values.WEBHOOK_PRIVATE_ADDRESSES === 'allow' },
    /** Travel times come from its road network where one is named, else from great circles. */
    osrm:
      values.OSRM_URL === undefined
        ? null
        : {
            url: values.OSRM_URL,
            profile: values.OSRM_PROFILE,
            requestTimeoutMs: values.OSRM_TIMEOUT_MS,
            /** The most that all requests for one matrix may take together. */
            limitMs: values.OSRM_LIMIT_MS,
            /** The most coordinates in one request; what osrm-routed was started with as `--max-table-size`. */
            tableSize: values.OSRM_TABLE_SIZE,
          },
  }
}
