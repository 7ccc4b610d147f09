import type { Db } from '@urbanbloom/service-kit/db'
import type { Log } from '@urbanbloom/service-kit/log'
import { recurring } from '@urbanbloom/service-kit/recurring'
import type { RedisConnection } from '@urbanbloom/service-kit/redis'
import { lastSequences, type Stream } from './route-events.ts'

export type Feed = ReturnType<typeof createFeed>

const CHANNEL = 'delivery-routing:streams'
const POLL_EVERY_MS = 2_000
const POLLS_BETWEEN_READS = 3

type Listener = { poke: () => void; seen: number }

/**
 * Tells this process's listeners that a stream has changed. Redis carries the news between processes at once;
 * a poll of Postgres, one statement for all streams listened to, finds what Redis lost or while it is away.
 */
export function createFeed(options: { db: Db; redis: RedisConnection; log: Log }) {
  const listeners = new Map<Stream, Set<Listener>>()
  const subscriber = options.redis.duplicate()

  const poke = (stream: Stream) => {
    for (const listener of listeners.get(stream) ?? []) listener.poke()
  }
  const subscribe = () => {
    subscriber.subscribe(CHANNEL).catch((err: unknown) => {
      options.log.debug({ err }, 'not subscribed to changes; the poll carries them')
    })
  }
  subscriber.on('ready', subscribe)
  subscriber.on('message', (_channel, message) => {
    for (const stream of message.split(' ')) poke(stream as Stream)
  })

  let polls = 0
  /** Positions are announced and not recorded, so without Redis the customers' streams are simply read again. */
  const pokeCustomers = () => {
    for (const stream of listeners.keys()) if (stream.startsWith('order:')) poke(stream)
  }

  async function poll(): Promise<void> {
    polls += 1
    if (listeners.size === 0) return
    if (subscriber.status !== 'ready' && polls % POLLS_BETWEEN_READS === 0) pokeCustomers()
    const sequences = await lastSequences(options.db, [...listeners.keys()])
    for (const [stream, sequence] of sequences) {
      for (const listener of listeners.get(stream) ?? []) {
        if (listener.seen >= sequence) continue
        listener.seen = sequence
        listener.poke()
      }
    }
  }
  const stopPolling = recurring('poll_streams', POLL_EVERY_MS, poll, options.log)

  return {
    /** Spreads the news. It never fails and never waits long: whoever misses it learns it from the poll. */
    announce(streams: Iterable<Stream>): void {
      const message = [...new Set(streams)].join(' ')
      if (message === '') return
      void options.redis.attempt((client) => client.publish(CHANNEL, message))
    },
    /** Calls `onChange` whenever the stream may have changed, until the returned function is called. */
    listen(stream: Stream, seen: number, onChange: () => void): () => void {
      const listener = { poke: onChange, seen }
      const group = listeners.get(stream) ?? new Set()
      group.add(listener)
      listeners.set(stream, group)
      return () => {
        group.delete(listener)
        if (group.size === 0 && listeners.get(stream) === group) listeners.delete(stream)
      }
    },
    async close(): Promise<void> {
      subscriber.disconnect()
      await stopPolling()
    },
  }
}
