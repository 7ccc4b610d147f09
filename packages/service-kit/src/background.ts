import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from './log.ts'
import { SchemaBehindError } from './readiness.ts'

const FIRST_LOOK_AGAIN_MS = 250
const LAST_LOOK_AGAIN_MS = 2_000
/**
 * So long a process that has never been ready waits for a database that is away or lets nobody in. On a first
 * installation the roles and their passwords come with the migration, so even a refused password may mend itself.
 */
const NEVER_READY_LIMIT_MS = 60_000

/**
 * Begins what a process does in the background, its job runner and its recurring work, once `isMigrated` resolves for
 * the first time: a process that came before its migration takes no job that it would work off against an older
 * schema. It looks at once, then ever less often, at least every 2 s. Nothing waits for it, so the process answers
 * its probes and can be stopped meanwhile.
 *
 * A schema that is behind is waited for without end. A database that does not serve us for `limitMs` ends the process
 * with code 1 and the reason as its last line, which `kubectl describe` shows; but never once it has been ready.
 * @param begin starts everything and defers on `work` how each is ended.
 * @returns a function that ends the waiting and, in reverse order, what was begun.
 */
export function beginWhenMigrated(options: {
  isMigrated: () => Promise<void>
  log: Log
  begin: (work: AsyncDisposableStack) => void
  /** In milliseconds; 60 s unless given. */
  limitMs?: number
  /** Ends the process unless given. */
  giveUp?: () => void
}): () => Promise<void> {
  const { isMigrated, log, begin } = options
  const { limitMs = NEVER_READY_LIMIT_MS, giveUp = () => process.exit(1) } = options
  const stopping = new AbortController()
  const work = new AsyncDisposableStack()

  const waitAndBegin = async () => {
    let pauseMs = FIRST_LOOK_AGAIN_MS
    let servedAt = performance.now()
    for (; ; pauseMs = Math.min(pauseMs * 2, LAST_LOOK_AGAIN_MS)) {
      const failure = await failureOf(isMigrated)
      if (failure === undefined || stopping.signal.aborted) break
      if (failure instanceof SchemaBehindError) servedAt = performance.now()
      else if (performance.now() - servedAt >= limitMs) {
        log.fatal({ limitMs }, `Never ready, so this process ends: ${failure.message}`)
        giveUp()
        return
      }
      // Why it is not, `/readyz` says and logs.
      await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined)
      if (stopping.signal.aborted) return
    }
    if (stopping.signal.aborted) return
    if (pauseMs > FIRST_LOOK_AGAIN_MS) log.info('the schema is as this version needs it; jobs are taken now')
    begin(work)
  }
  const waiting = waitAndBegin()
  return async () => {
    stopping.abort()
    await waiting
    await work.disposeAsync()
  }
}

async function failureOf(check: () => Promise<void>): Promise<Error | undefined> {
  try {
    await check()
    return undefined
  } catch (err) {
    return err instanceof Error ? err : new Error(String(err))
  }
}
