import { setTimeout as delay } from 'node:timers/promises'
import { BrokenCircuitError, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel'
import { Pool } from 'undici'
import * as z from 'zod'
import type { Point } from '../geo.ts'

/** Why OSRM gave no usable table. `outage`: asking again later may help, and the circuit breaker counts it. */
export class OsrmFailure extends Error {
  override name = 'OsrmFailure'
  readonly reason: OsrmReason
  readonly isOutage: boolean
  /** What the server asked us to wait before the next request. */
  readonly retryAfterMs: number | undefined

  constructor(reason: OsrmReason, detail: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(`OSRM: ${detail}`, { cause: options.cause })
    this.reason = reason
    this.isOutage = reason !== 'refused' && reason !== 'malformed'
    this.retryAfterMs = options.retryAfterMs
  }
}

export type OsrmReason =
  | 'timeout'
  | 'unreachable'
  | 'rate_limited'
  | 'server_error'
  | 'circuit_open'
  | 'refused'
  | 'malformed'

/** A rectangle of legs, row by row; null where the network knows no way. */
export type OsrmTable = { durationsSeconds: (number | null)[][]; distancesMeters: (number | null)[][] }

export type OsrmClient = ReturnType<typeof createOsrmClient>

export type OsrmOptions = {
  /** Up to and without the service, such as `http://osrm:5000`. */
  url: string
  /** The profile that the server was prepared with, as its URLs name it. */
  profile: string
  requestTimeoutMs: number
  /** Called once for each request with how it ended. */
  onRequest: (outcome: 'ok' | OsrmReason) => void
}

const MAX_TRIES = 3
const FIRST_RETRY_DELAY_MS = 100
/** A server that wants us to wait longer than this is done without. */
const RETRY_AFTER_MAX_MS = 1_000
const CONNECTIONS = 4
/** A hundred coordinates with two tables of 2,500 legs take about 100 KB. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024
const FAILURES_THAT_OPEN = 5
const HALF_OPEN_AFTER_MS = 10_000
/** About a metre; also what the cache of legs takes for the same place. */
const COORDINATE_DIGITS = 5

const Table = z.object({
  code: z.string(),
  message: z.string().optional(),
  durations: z.array(z.array(z.number().min(0).nullable())).optional(),
  distances: z.array(z.array(z.number().min(0).nullable())).optional(),
})

/** The place as OSRM is asked for it and as the cache knows it: `longitude,latitude`. */
export function coordinateOf({ latitude, longitude }: Point): string {
  return `${longitude.toFixed(COORDINATE_DIGITS)},${latitude.toFixed(COORDINATE_DIGITS)}`
}

/**
 * The table service of OSRM's HTTP API v1 (docs/http.md of osrm-backend), with deadlines, bounded retries and a
 * circuit breaker. Every way in which it can fail becomes an `OsrmFailure`.
 */
export function createOsrmClient({ url, profile, requestTimeoutMs, onRequest }: OsrmOptions) {
  const base = new URL(url)
  const pool = new Pool(base.origin, {
    connections: CONNECTIONS,
    pipelining: 1,
    maxResponseSize: ANSWER_BYTES_MAX,
    connect: { timeout: Math.min(requestTimeoutMs, 1_000) },
  })
  const breaker = circuitBreaker(
    handleWhen((err) => err instanceof OsrmFailure && err.isOutage),
    { halfOpenAfter: HALF_OPEN_AFTER_MS, breaker: new ConsecutiveBreaker(FAILURES_THAT_OPEN) },
  )
  const prefix = `${base.pathname.replace(/\/$/, '')}/table/v1/${encodeURIComponent(profile)}/`

  async function ask(
    sources: readonly Point[],
    destinations: readonly Point[],
    deadline: AbortSignal,
  ): Promise<OsrmTable> {
    const path = prefix + tableQuery(sources, destinations)
    for (let attempt = 1; ; attempt += 1) {
      try {
        const table = await breaker.execute(() => request(path, deadline))
        checkSize(table, sources.length, destinations.length)
        onRequest('ok')
        return table
      } catch (err) {
        const failure = toFailure(err)
        onRequest(failure.reason)
        const pauseMs = pauseBefore(failure, attempt)
        if (pauseMs === null) throw failure
        await delay(pauseMs, undefined, { signal: deadline }).catch(() => {
          throw failure
        })
      }
    }
  }

  async function request(path: string, deadline: AbortSignal): Promise<OsrmTable> {
    const signal = AbortSignal.any([deadline, AbortSignal.timeout(requestTimeoutMs)])
    const { statusCode, headers, body } = await pool
      .request({ path, method: 'GET', headers: { accept: 'application/json' }, signal })
      .catch((err: unknown) => {
        throw broken(err, signal)
      })
    const text = await body.text().catch((err: unknown) => {
      throw broken(err, signal)
    })
    if (statusCode === 429) {
      throw new OsrmFailure('rate_limited', 'it limits our requests (429)', {
        retryAfterMs: retryAfter(headers['retry-after']),
      })
    }
    if (statusCode >= 500) throw new OsrmFailure('server_error', `it answered ${statusCode}`)
    return read(text, statusCode)
  }

  return { table: ask, close: () => pool.close() }
}

/** `{coordinates}?sources=…&destinations=…`: sources first, then the destinations that are not among them. */
function tableQuery(sources: readonly Point[], destinations: readonly Point[]): string {
  const places = [...new Set([...sources, ...destinations].map(coordinateOf))]
  // The service wants at least two coordinates.
  if (places.length === 1) places.push(...places)
  const indexOf = new Map(places.map((place, index) => [place, index]))
  const indices = (points: readonly Point[]) =>
    points.map((point) => indexOf.get(coordinateOf(point))).join(';')
  return (
    `${places.join(';')}?annotations=duration,distance&generate_hints=false` +
    `&sources=${indices(sources)}&destinations=${indices(destinations)}`
  )
}

function read(text: string, statusCode: number): OsrmTable {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (err) {
    throw new OsrmFailure('malformed', `it answered ${statusCode} with something else than JSON`, {
      cause: err,
    })
  }
  const parsed = Table.safeParse(json)
  if (!parsed.success) {
    throw new OsrmFailure('malformed', `its answer is no table: ${z.prettifyError(parsed.error)}`)
  }
  const { code, message = '', durations, distances } = parsed.data
  // `NoTable`, `TooBig`, `NoSegment`, `InvalidQuery`, …: the same request would be refused again.
  if (code !== 'Ok' || statusCode !== 200) {
    throw new OsrmFailure('refused', `it refused the table with ${code} ${message}`.trim())
  }
  if (durations === undefined || distances === undefined) {
    throw new OsrmFailure('malformed', 'its answer lacks durations or distances')
  }
  return { durationsSeconds: durations, distancesMeters: distances }
}

function checkSize(table: OsrmTable, rows: number, columns: number): void {
  for (const matrix of [table.durationsSeconds, table.distancesMeters]) {
    if (matrix.length === rows && matrix.every((row) => row.length === columns)) continue
    const size = `${matrix.length} rows of ${matrix[0]?.length ?? 0}`
    throw new OsrmFailure('malformed', `it answered ${size} where ${rows} of ${columns} were asked for`)
  }
}

function toFailure(err: unknown): OsrmFailure {
  if (err instanceof OsrmFailure) return err
  if (err instanceof BrokenCircuitError) {
    return new OsrmFailure('circuit_open', 'it failed too often; it is left alone for a while')
  }
  throw err
}

function broken(err: unknown, signal: AbortSignal): OsrmFailure {
  if (signal.aborted) return new OsrmFailure('timeout', 'it did not answer in time', { cause: err })
  return new OsrmFailure('unreachable', 'it cannot be reached', { cause: err })
}

/** How long to wait before the next try; null where there is none. */
function pauseBefore({ isOutage, reason, retryAfterMs = 0 }: OsrmFailure, attempt: number): number | null {
  if (!isOutage || reason === 'circuit_open' || attempt >= MAX_TRIES || retryAfterMs > RETRY_AFTER_MAX_MS) {
    return null
  }
  const backoffMs = FIRST_RETRY_DELAY_MS * 2 ** (attempt - 1) * (0.5 + Math.random())
  return Math.max(retryAfterMs, backoffMs)
}

/** `Retry-After` in its form of seconds (RFC 9110, 10.2.3); a date is taken as too long. */
function retryAfter(header: string | string[] | undefined): number {
  if (header === undefined) return 0
  const seconds = Number(header)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : Number.POSITIVE_INFINITY
}
