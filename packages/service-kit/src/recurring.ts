import { isDatabaseAway } from './db.ts'
import type { Log } from './log.ts'

/**
 * Runs `work` again and again until stopped, never twice at a time, `everyMs` apart with a fifth of jitter so
 * that replicas spread out. A failure is logged and the next turn comes as usual; that the database is away is logged
 * by who asks it, once. The first turn comes after `firstMs`, which is `everyMs` unless given.
 * @returns a function that stops it and waits for the turn under way.
 */
export function recurring(
  name: string,
  everyMs: number,
  work: () => Promise<unknown>,
  log: Log,
  { firstMs = everyMs }: { firstMs?: number } = {},
): () => Promise<void> {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  const turn = async () => {
    try {
      await work()
    } catch (err) {
      const level = isDatabaseAway(err) ? 'debug' : 'warn'
      log[level]({ err, job: name }, 'a recurring job failed; it runs again at its next turn')
    }
    if (!stopped) schedule(everyMs)
  }
  const schedule = (pauseMs: number) => {
    timer = setTimeout(
      () => {
        running = turn()
      },
      pauseMs * (0.8 + Math.random() * 0.4),
    )
  }
  schedule(firstMs)
  return async () => {
    stopped = true
    clearTimeout(timer)
    await running
  }
}
