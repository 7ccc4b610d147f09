import { createHash } from 'node:crypto'
import { tooMany } from '@urbanbloom/service-kit/errors'
import type { RedisConnection } from '@urbanbloom/service-kit/redis'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientNetwork } from './client-network.ts'
import type { Config } from './config.ts'
import type { Route } from './routing-table.ts'

type Bucket = { name: string; client: string; limit: number }

const WINDOW_MS = 60_000
const WINDOW_SECONDS = WINDOW_MS / 1000
/** What one address may do with tokens, as a multiple of what one token may; an office shares its address. */
const ADDRESS_CEILING = 10

/**
 * The generic cell rate algorithm: a key holds the time (ms) at which its bucket is empty again. A full bucket
 * takes `limit` requests at once and wins one back every `60,000 / limit` ms, so there is no edge of a window to
 * exploit. All keys are looked at before any is charged: a refusal costs nothing.
 * Gives [1, what is left, ms until all is back] or [0, index of the refusing key, ms to wait].
 */
const script = `
local t = redis.call('time')
local now = t[1] * 1000 + t[2] / 1000
local window = tonumber(ARGV[1])
local free = {}
for i, key in ipairs(KEYS) do
  local empty = math.max(tonumber(redis.call('get', key)) or 0, now) + window / ARGV[i + 1]
  if empty - now > window + 0.001 then
    return {0, i, math.ceil(empty - now - window)}
  end
  free[i] = empty
end
for i, key in ipairs(KEYS) do
  redis.call('set', key, string.format('%.3f', free[i]), 'px', math.max(1, math.ceil(free[i] - now)))
end
local used = free[1] - now
return {1, math.floor((window - used) * ARGV[2] / window + 0.001), math.ceil(used)}
`

type ScriptAnswer = [allowed: 0 | 1, leftOrIndex: number, ms: number]
type Scripted = { takeFromBuckets(...args: (string | number)[]): Promise<ScriptAnswer> }

/**
 * Limits what a client may ask in a minute, over all processes of the gateway. A client is its token, under a
 * ceiling for its address, because tokens are not verified here and could be made up; without a token it is its
 * address alone. Where Redis is away or slow everybody passes.
 */
export function createRateLimit(
  redis: RedisConnection,
  limits: Config['rateLimits'],
  onRefusal: (bucket: string) => void,
) {
  redis.client.defineCommand('takeFromBuckets', { lua: script })

  function bucketsOf(request: FastifyRequest, route: Route | undefined): [Bucket, ...Bucket[]] {
    const network = clientNetwork(request.ip)
    if (route?.limit === 'credentials') {
      return [{ name: 'credentials', client: network, limit: limits.authPerMinute }]
    }
    // The provider sends everybody's payments from a few addresses, and what it is refused comes again late.
    if (route?.limit === 'webhooks') {
      return [{ name: 'webhooks', client: network, limit: limits.webhookPerMinute }]
    }
    const { authorization } = request.headers
    if (authorization === undefined) {
      return [{ name: 'address', client: network, limit: limits.perMinute }]
    }
    return [
      { name: 'token', client: digest(authorization), limit: limits.perMinute },
      { name: 'ceiling', client: network, limit: limits.perMinute * ADDRESS_CEILING },
    ]
  }

  return async function limitRate(
    request: FastifyRequest,
    reply: FastifyReply,
    route?: Route,
  ): Promise<void> {
    const buckets = bucketsOf(request, route)
    const answer = await redis.attempt((client) =>
      (client as unknown as Scripted).takeFromBuckets(
        buckets.length,
        ...buckets.map(({ name, client: of }) => `gateway:rate:${name}:${of}`),
        WINDOW_MS,
        ...buckets.map(({ limit }) => limit),
      ),
    )
    if (answer === undefined) return
    const [allowed, leftOrIndex, ms] = answer
    const seconds = Math.max(1, Math.ceil(ms / 1000))
    const { name, limit } = buckets[allowed === 1 ? 0 : leftOrIndex - 1] ?? buckets[0]
    describe(reply, limit, allowed === 1 ? leftOrIndex : 0, seconds)
    if (allowed === 1) return
    onRefusal(name)
    const detail = `More than ${limit} requests in a minute; try again in ${seconds} s`
    throw tooMany('rate_limited', detail, { retryAfterSeconds: seconds })
  }
}

/** The fields of draft-ietf-httpapi-ratelimit-headers, and those of its seventh draft, which clients read today. */
function describe(reply: FastifyReply, limit: number, left: number, seconds: number): void {
  reply.headers({
    'ratelimit-policy': `"minute";q=${limit};w=${WINDOW_SECONDS}`,
    ratelimit: `"minute";r=${left};t=${seconds}`,
    'ratelimit-limit': limit,
    'ratelimit-remaining': left,
    'ratelimit-reset': seconds,
  })
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
