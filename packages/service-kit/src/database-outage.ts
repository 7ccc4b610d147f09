const FIRST_GAP_MS = 10_000
const LAST_GAP_MS = 5 * 60_000
/** A failure that comes this long after the one before belongs to an outage of its own. */
const CALM_MS = 60_000

export type DatabaseOutage = ReturnType<typeof createDatabaseOutage>

/**
 * Says once that the database is away and why, then ever less often (after 10 s, 20 s, … at most every 5 min), and once
 * that it is back, however many statements, jobs and connections fail meanwhile. One that comes and goes counts as one
 * outage, so that it cannot fill the log either.
 */
export function createDatabaseOutage(options: {
  log: Record<'warn' | 'info' | 'debug', (fields: object, message: string) => void>
  explain: (err: unknown) => string
  /** What is away and back; the database unless given. */
  what?: string
  /** A clock in milliseconds. */
  now?: () => number
}) {
  const { log, explain, what = 'the database', now = () => performance.now() } = options
  let awaySince: number | undefined
  let isTold = false
  let failedAt = Number.NEGATIVE_INFINITY
  let nextLineAt = Number.NEGATIVE_INFINITY
  let gapMs = FIRST_GAP_MS

  return {
    isAway: () => awaySince !== undefined,
    /** A connection could not be had, or broke. */
    failed(err: unknown): void {
      const at = now()
      if (at - failedAt > CALM_MS) {
        gapMs = FIRST_GAP_MS
        nextLineAt = at
      }
      failedAt = at
      awaySince ??= at
      log.debug({ err }, `${what} failed`)
      if (at < nextLineAt) return
      const awaySeconds = Math.round((at - awaySince) / 1_000)
      log.warn({ reason: explain(err), awaySeconds }, `${what} is away`)
      isTold = true
      nextLineAt = at + gapMs
      gapMs = Math.min(gapMs * 2, LAST_GAP_MS)
    },
    /** It has answered. */
    answered(): void {
      if (awaySince === undefined) return
      const awaySeconds = Math.round((now() - awaySince) / 1_000)
      awaySince = undefined
      if (isTold) log.info({ awaySeconds }, `${what} is back`)
      isTold = false
    },
  }
}
