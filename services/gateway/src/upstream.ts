import { unavailable } from '@urbanbloom/service-kit/errors'
import { Pool } from 'undici'

/** One process of a service. Streams have a pool of their own, so that open ones never starve short requests. */
export type Replica = {
  origin: string
  requests: Pool
  streams: Pool
  /** Until when (`performance.now()`) other replicas are preferred, because nobody listened here. */
  avoidedUntil: number
  /** Until when nothing is tried here at all, because connecting took too long to fail. */
  closedUntil: number
}

export type Upstream = ReturnType<typeof createUpstream>

const CONNECT_TIMEOUT_MS = 1_000
const AVOIDED_MS = 1_000
/**
 * Less than the time in which a stopping process still serves: what it closes at its end was given up here before,
 * so no request is sent on a connection that ends at that moment.
 */
export const IDLE_MAX_MS = 4_000
const MAX_CONNECTIONS = 128
const MAX_IN_FLIGHT = 1_000
const MAX_STREAMS = 5_000

/** The replicas of one service, taken in turn. */
export function createUpstream(name: string, urls: readonly string[]) {
  const replicas = urls.map(toReplica)
  const inFlight = { requests: 0, streams: 0 }
  let turn = 0

  return {
    name,
    replicaCount: replicas.length,
    inFlight,
    /** Counts a request in, or refuses it while too many wait, so that a slow service cannot fill the memory. */
    enter(pool: keyof typeof inFlight): void {
      if (inFlight[pool] >= (pool === 'streams' ? MAX_STREAMS : MAX_IN_FLIGHT)) {
        throw unavailable('service_unavailable', `${name} is overloaded; try again shortly`)
      }
      inFlight[pool] += 1
    },
    leave(pool: keyof typeof inFlight): void {
      inFlight[pool] -= 1
    },
    /** The next replica that is not in `tried`, or null. One that failed lately comes only when no other is left. */
    next(tried: readonly Replica[]): Replica | null {
      const now = performance.now()
      let fallback: Replica | null = null
      for (let i = 0; i < replicas.length; i += 1) {
        turn = (turn + 1) % replicas.length
        const replica = replicas[turn]
        if (replica === undefined || tried.includes(replica) || replica.closedUntil > now) continue
        if (replica.avoidedUntil <= now) return replica
        fallback ??= replica
      }
      return fallback
    },
    async close(): Promise<void> {
      await Promise.all(replicas.flatMap(({ requests, streams }) => [requests.destroy(), streams.destroy()]))
    },
  }
}

/** Remembers that connecting to a replica failed. */
export function noteUnreachable(replica: Replica, err: Error): void {
  const until = performance.now() + AVOIDED_MS
  replica.avoidedUntil = until
  if ((err as { code?: string }).code === 'UND_ERR_CONNECT_TIMEOUT') replica.closedUntil = until
}

function toReplica(url: string): Replica {
  // The deadlines of routes take the place of undici's own.
  const options = {
    pipelining: 1,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    keepAliveTimeout: IDLE_MAX_MS,
    keepAliveMaxTimeout: IDLE_MAX_MS,
    headersTimeout: 0,
    bodyTimeout: 0,
  }
  return {
    origin: url,
    requests: new Pool(url, { ...options, connections: MAX_CONNECTIONS }),
    streams: new Pool(url, { ...options, connections: MAX_STREAMS }),
    avoidedUntil: 0,
    closedUntil: 0,
  }
}
