import { newId } from '@urbanbloom/service-kit/ids'
import type { RedisConnection } from '@urbanbloom/service-kit/redis'
import type { CacheName, InventoryMetrics } from './inventory-metrics.ts'

/** What a load found: the text to keep and for how long. */
export type Loaded = { text: string; keepMs: number }

/** Longer than a load takes; a loader that dies keeps others from filling the entry no longer than this. */
const LEASE_MS = 5_000
const VALUE = 'v'
const LEASE = 'l'

/** Installs a value only where the loader's own lease still stands. */
const fillScript = `
  if redis.call('get', KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3])
  return 1`

/**
 * Texts in Redis, read through (cache-aside). Whoever misses leaves a lease under the key and may fill the entry
 * only while that lease is there. Forgetting an entry removes its lease too, so a reader that was slow cannot
 * install what it read before a change: each entry's lease is its version. Readers of one process share one
 * load. Without Redis every read is a load.
 */
export function createLeasedCache(options: {
  redis: Pick<RedisConnection, 'attempt'>
  metrics: Pick<InventoryMetrics, 'read'>
}) {
  const { redis, metrics } = options
  const flights = new Map<string, Promise<string>>()

  async function readThrough(name: CacheName, key: string, load: () => Promise<Loaded>): Promise<string> {
    const found = await redis.attempt((client) => client.get(key))
    if (found?.startsWith(VALUE)) {
      metrics.read(name, 'hit')
      return found.slice(VALUE.length)
    }
    metrics.read(name, found === undefined ? 'unavailable' : 'miss')
    const lease = found === null ? await takeLease(key) : null
    const { text, keepMs } = await load()
    if (lease !== null) {
      const args = [lease, VALUE + text, String(jittered(keepMs))]
      await redis.attempt((client) => client.eval(fillScript, 1, key, ...args))
    }
    return text
  }

  async function takeLease(key: string): Promise<string | null> {
    const lease = LEASE + newId()
    const taken = await redis.attempt((client) => client.set(key, lease, 'PX', LEASE_MS, 'NX'))
    return taken === 'OK' ? lease : null
  }

  return {
    read(name: CacheName, key: string, load: () => Promise<Loaded>): Promise<string> {
      const underWay = flights.get(key)
      if (underWay !== undefined) return underWay
      const flight = readThrough(name, key, load).finally(() => {
        if (flights.get(key) === flight) flights.delete(key)
      })
      flights.set(key, flight)
      return flight
    },
    /**
     * Makes every read that begins from now on see what is committed now.
     * @returns whether Redis has done it.
     */
    async forget(keys: readonly string[]): Promise<boolean> {
      if (keys.length === 0) return true
      for (const key of keys) flights.delete(key)
      const done = (await redis.attempt((client) => client.unlink(...keys))) !== undefined
      // A read that began while Redis worked may have joined the old value again.
      for (const key of keys) flights.delete(key)
      return done
    },
  }
}

/** Up to a fifth shorter or longer, so that entries made together do not end together. */
function jittered(milliseconds: number): number {
  return Math.max(1, Math.round(milliseconds * (0.8 + Math.random() * 0.4)))
}
