import type { Context } from '../context.ts'
import type { Hub } from '../fleet/hub.ts'
import type { DeliveryWindow } from './window-store.ts'

/** Short, because a list that is too old offers a window that checkout then refuses. */
const TTL_MS = 3_000

type Days = { first: string; last: string }

/** One hash for each hub, so that all its days can be forgotten at once. */
function keyOf(hubId: string): string {
  return `delivery-routing:windows:${hubId}`
}

/** Cache-aside: what Redis does not know, or cannot say, is read with `load`. */
export async function cachedWindows(
  ctx: Context,
  hub: Hub,
  { first, last }: Days,
  load: () => Promise<DeliveryWindow[]>,
): Promise<DeliveryWindow[]> {
  const key = keyOf(hub.id)
  const field = `${first}/${last}`
  const cached = await ctx.redis.attempt((client) => client.hget(key, field))
  if (typeof cached === 'string') {
    ctx.metrics.windowCache.inc({ outcome: 'hit' })
    return JSON.parse(cached) as DeliveryWindow[]
  }
  ctx.metrics.windowCache.inc({ outcome: cached === undefined ? 'unavailable' : 'miss' })
  const windows = await load()
  const ttlMs = Math.round(TTL_MS * (0.8 + Math.random() * 0.4))
  await ctx.redis.attempt((client) =>
    client.multi().hset(key, field, JSON.stringify(windows)).pexpire(key, ttlMs).exec(),
  )
  return windows
}

/** For when a window has become full or has a place again. */
export function forgetCachedWindows(ctx: Context, hubIds: readonly string[]): void {
  for (const hubId of hubIds) void ctx.redis.attempt((client) => client.del(keyOf(hubId)))
}
