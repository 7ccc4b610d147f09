import { randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import { timeout, unavailable } from '@urbanbloom/service-kit/errors'
import type { Metrics } from '@urbanbloom/service-kit/metrics'
import { remainingMs } from '@urbanbloom/service-kit/request-context'

/** OWASP's first choice for argon2id (its default algorithm here): 19 MiB, two passes, one lane. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

export type Passwords = Awaited<ReturnType<typeof createPasswords>>

/**
 * Hashes and verifies passwords on the thread pool, a bounded number at a time. Whoever would have to wait too
 * long is refused at once, and whoever's deadline passed in the queue costs no hash.
 */
export async function createPasswords(
  limits: { concurrency: number; queueLimit: number },
  options: { metrics: Metrics },
) {
  const duration = options.metrics.histogram(
    'auth_password_hash_duration_seconds',
    'Time of one argon2id, waiting for its turn not included, by what it was for',
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    ['operation'],
  )
  const waiting: (() => void)[] = []
  let running = 0
  options.metrics.gauge('auth_password_hashes', 'Password hashes by state', ['state'], (gauge) => {
    gauge.set({ state: 'running' }, running)
    gauge.set({ state: 'waiting' }, waiting.length)
  })
  // What a password is compared with where there is no account: as slow as any other, equal to none.
  const dummyHash = await hashPassword(randomBytes(32).toString('base64'))

  /** Runs `work` when it has its turn. The turn of one that ends is handed to the first that waits. */
  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running < limits.concurrency) running += 1
    else if (waiting.length < limits.queueLimit) await new Promise<void>((turn) => waiting.push(turn))
    else
      throw unavailable('overloaded', 'Too many people log in just now; try again', { retryAfterSeconds: 2 })
    try {
      if (remainingMs(1) <= 0) throw timeout('deadline_exceeded', 'No time was left to check the password')
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
    }
  }

  return {
    hash: (password: string) =>
      inTurn(async () => {
        const end = duration.startTimer({ operation: 'hash' })
        const hashed = await hashPassword(password)
        end()
        return hashed
      }),
    /**
     * Compares `password` with the account's hash, or with the dummy for null, which is never right. `before` and
     * `after` run in the same turn, so that no more guesses than turns are ever between the two.
     */
    verify: (
      hashed: string | null,
      password: string,
      around: { before(): Promise<void>; after(isRight: boolean): Promise<void> },
    ) =>
      inTurn(async () => {
        await around.before()
        const end = duration.startTimer({ operation: hashed === null ? 'verify_dummy' : 'verify' })
        const matches = await verify(hashed ?? dummyHash, password.normalize('NFKC'))
        end()
        const isRight = matches && hashed !== null
        await around.after(isRight)
        return isRight
      }),
  }
}

/** The same password typed on another keyboard may come in another Unicode form, hence NFKC (NIST SP 800-63B). */
export function hashPassword(password: string): Promise<string> {
  return hash(password.normalize('NFKC'), parameters)
}
