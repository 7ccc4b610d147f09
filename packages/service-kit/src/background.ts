import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from './log.ts'

const FIRST_LOOK_AGAIN_MS = 250
const LAST_LOOK_AGAIN_MS = 2_000

/**
 * Begins what a process does in the background, its job runner and its recurring work, once `isMigrated` resolves for
 * the first time: a process that came before its migration takes no job that it would work off against an older
 * schema. It looks at once, then ever less often, at least every 2 s. Nothing waits for it, so the process answers
 * its probes and can be stopped meanwhile.
 * @param begin starts everything and defers on `work` how each is ended.
 * @returns a function that ends the waiting and, in reverse order, what was begun.
 */
export function beginWhenMigrated(options: {
  isMigrated: () => Promise<void>
  log: Log
  begin: (work: AsyncDisposableStack) => void
}): () => Promise<void> {
  const { isMigrated, log, begin } = options
  const stopping = new AbortController()
  const work = new AsyncDisposableStack()

  const waitAndBegin = async () => {
    let pauseMs = FIRST_LOOK_AGAIN_MS
    for (; !(await succeeds(isMigrated)); pauseMs = Math.min(pauseMs * 2, LAST_LOOK_AGAIN_MS)) {
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

async function succeeds(check: () => Promise<void>): Promise<boolean> {
  try {
    await check()
    return true
  } catch {
    return false
  }
}
