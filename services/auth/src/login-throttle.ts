import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { tooMany } from '@urbanbloom/service-kit/errors'
import type { RedisConnection } from '@urbanbloom/service-kit/redis'
import type { Config } from './config.ts'

/** The window begins with the first failure and is not extended by further ones. */
const COUNT_FAILURE = `
  local failures = redis.call('incr', KEYS[1])
  if failures == 1 then redis.call('pexpire', KEYS[1], ARGV[1]) end
  return failures`

export type LoginThrottle = ReturnType<typeof createLoginThrottle>
export type Attempt = { email: string; address: string }

/**
 * Counts failed logins for each email, known or not, and for each client address. Without Redis nothing is
 * throttled: to let everyone in with the right password is worth more than to slow a guesser down.
 */
export function createLoginThrottle(redis: RedisConnection, limits: Config['throttle']) {
  const counters = ({ email, address }: Attempt) => [
    { key: counterKey('account', email), limit: limits.failuresPerAccount },
    { key: counterKey('address', networkOf(address)), limit: limits.failuresPerAddress },
  ]

  async function throttledMs({ key, limit }: { key: string; limit: number }): Promise<number> {
    const failures = Number((await redis.attempt((client) => client.get(key))) ?? 0)
    if (failures < limit) return 0
    return Math.max(1, (await redis.attempt((client) => client.pttl(key))) ?? 0)
  }

  return {
    /** @throws 429 `login_throttled` with the time until the next try. */
    async check(attempt: Attempt): Promise<void> {
      const waitMs = Math.max(...(await Promise.all(counters(attempt).map(throttledMs))))
      if (waitMs === 0) return
      throw tooMany('login_throttled', 'Too many failed logins; wait before the next try', {
        retryAfterSeconds: Math.ceil(waitMs / 1000),
      })
    },
    async countFailure(attempt: Attempt): Promise<void> {
      await Promise.all(
        counters(attempt).map(({ key }) =>
          redis.attempt((client) => client.eval(COUNT_FAILURE, 1, key, limits.windowMs)),
        ),
      )
    },
    /** Forgets the account's failures. The address keeps its own, or one right password would buy many guesses. */
    async forget({ email }: Attempt): Promise<void> {
      await redis.attempt((client) => client.del(counterKey('account', email)))
    },
  }
}

/** Keys are hashed, because emails and addresses are personal and of any length. */
function counterKey(kind: 'account' | 'address', value: string): string {
  return `auth:login:${kind}:${createHash('sha256').update(value).digest('base64url')}`
}

/** One customer of a provider has a whole IPv6 /64, so that is what counts as an address. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped?.[1] !== undefined) return mapped[1]
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const first = head === '' ? [] : head.split(':')
  const last = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0')
  const groups = [...first, ...zeros, ...last].slice(0, 4)
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
