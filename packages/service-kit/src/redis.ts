import { BrokenCircuitError, ConsecutiveBreaker, circuitBreaker, handleAll } from 'cockatiel'
import { Redis } from 'ioredis'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { inSpan } from './tracing.ts'

const COMMAND_TIMEOUT_MS = 250
const FAILURES_THAT_OPEN = 5
const HALF_OPEN_AFTER_MS = 1_000

export type RedisConnection = ReturnType<typeof createRedis>

/**
 * A Redis that may be gone at any time. `attempt` runs a command through a circuit breaker and gives undefined
 * when Redis is down or slow, so that callers go on without it; nothing that may not be lost is kept there.
 */
export function createRedis(url: string, options: { log: Log; metrics: Metrics }) {
  const client = connect(url, options.log)
  const failures = options.metrics.counter('redis_failures_total', 'Commands that got no answer from Redis')
  options.metrics.gauge('redis_up', 'Whether a connection to Redis is open', [], (gauge) =>
    gauge.set(client.status === 'ready' ? 1 : 0),
  )
  const breaker = circuitBreaker(handleAll, {
    halfOpenAfter: HALF_OPEN_AFTER_MS,
    breaker: new ConsecutiveBreaker(FAILURES_THAT_OPEN),
  })
  breaker.onBreak(() => options.log.warn('redis does not answer; going on without it'))
  breaker.onReset(() => options.log.info('redis answers again'))

  return {
    client,
    /** A further connection, for blocking commands and subscriptions, which need one of their own. */
    duplicate: () => connect(url, options.log),
    async attempt<T>(command: (client: Redis) => Promise<T>): Promise<T | undefined> {
      try {
        return await breaker.execute(() =>
          inSpan('redis', 'client', { 'db.system.name': 'redis' }, () => command(client)),
        )
      } catch (err) {
        if (!(err instanceof BrokenCircuitError)) failures.inc()
        return undefined
      }
    },
    close: () => client.disconnect(),
  }
}

function connect(url: string, log: Log): Redis {
  const client = new Redis(url, {
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: 1_000,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    // Delays of 100, 200, … up to 2,000 ms, with up to a fifth of jitter, for ever.
    retryStrategy: (attempt) => Math.min(attempt * 100, 2_000) * (0.9 + Math.random() * 0.2),
  })
  client.on('error', (err) => log.debug({ err }, 'redis connection error'))
  return client
}
