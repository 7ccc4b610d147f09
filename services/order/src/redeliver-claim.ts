import type { OrderLoad } from '@urbanbloom/contracts/delivery'
import type { Db } from '@urbanbloom/service-kit/db'
import { conflict, notFound, ServiceError, unavailable, unprocessable } from '@urbanbloom/service-kit/errors'
import { publish } from '@urbanbloom/service-kit/events'
import { newId } from '@urbanbloom/service-kit/ids'
import type { Claim } from './claim.ts'
import { beginMakingGood, findClaim } from './claim-store.ts'
import type { OrderContext } from './context.ts'
import { type NewOrder, type Order, rejectionFrom } from './order.ts'
import { confirmedEvent, findOrder } from './order-store.ts'
import { holdAll } from './place-order.ts'
import { loadOf, priceLines } from './pricing.ts'
import { reject } from './reject-order.ts'
import { confirmReplacement, insertReplacement } from './replacement-store.ts'

export type Redelivery = { resolvedBy: string; deliveryWindow?: { start: string; end: string } | undefined }

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const DAYS_AHEAD = 14

/**
 * Makes a claim good by an order of the same plants that costs nothing. The decision and the order are written
 * together, and the order takes the way of every other one: stock reserved, window held, confirmed, planned. Where
 * stock or window is refused the order is rejected and the claim is open again, for ops to decide otherwise. What is
 * interrupted on the way is driven on by recovery.
 * @throws 409 `claim_already_resolved`, `plants_made_good`, `out_of_stock`, `window_unavailable`; 422 `product_unavailable`.
 */
export async function redeliverClaim(
  ctx: OrderContext,
  claim: Claim,
  { resolvedBy, deliveryWindow }: Redelivery,
): Promise<Claim> {
  if (claim.status !== 'open') throw alreadyResolved(claim)
  if (claim.items.length === 0) throw itemsUnknown(claim)
  const order = await replacementFor(ctx, claim, deliveryWindow)
  const placed = await ctx.db.transaction(async (tx) => {
    const moved = await beginMakingGood(tx, claim, { to: 'redelivering', resolvedBy })
    if (moved === null) return null
    return insertReplacement(tx, order, { claimId: claim.id, leaseMs: ctx.config.leaseMs })
  })
  if (placed === null) throw await whyNotMadeGood(ctx.db, claim)
  ctx.crashPoint('order_inserted')
  await placeReplacement(ctx, placed)
  return (await findClaim(ctx.db, claim.id)) ?? claim
}

/**
 * The saga of a replacement, from an order that is written to its end; safe to run again after an interruption.
 * @throws the refusal, once the order is rejected and the claim open again.
 */
export async function placeReplacement(ctx: OrderContext, order: Order): Promise<void> {
  const refusal = await holdAll(ctx, order)
  if (refusal !== null && refusal.status >= 500) {
    throw unavailable(
      'redelivery_in_doubt',
      'A service did not answer; the redelivery is tried again by itself',
      {
        cause: refusal,
      },
    )
  }
  if (refusal !== null) {
    await reject(ctx, order, { rejection: rejectionFrom(refusal), paymentTried: false })
    throw refusal
  }
  ctx.crashPoint('all_held')
  const won = await ctx.db.transaction(async (tx) => {
    if (!(await confirmReplacement(tx, order.id))) return false
    await publish(tx, ctx.jobs, 'order.confirmed', confirmedEvent(order))
    return true
  })
  if (!won) return
  ctx.crashPoint('order_confirmed')
  ctx.log.info(
    { event: 'order_confirmed', orderId: order.id, claimId: order.replacesClaimId },
    'replacement confirmed',
  )
}

/** What recovery does with a replacement whose process has died: it goes on, or the claim is open again. */
export async function driveReplacement(ctx: OrderContext, order: Order): Promise<void> {
  await placeReplacement(ctx, order).catch((err: unknown) => {
    const isDecided = err instanceof ServiceError && err.status < 500
    if (!isDecided) throw err
  })
}

async function replacementFor(
  ctx: OrderContext,
  { orderId, items }: Claim,
  wanted: Redelivery['deliveryWindow'],
): Promise<NewOrder> {
  const original = await findOrder(ctx.db, orderId)
  if (original === null) throw notFound('order_not_found', `There is no order ${orderId}`)
  const products = await ctx.participants.lookUpProducts(items.map(({ productId }) => productId))
  const load = loadOf(items, products)
  const window = await findWindow(ctx, original, load, wanted)
  const lines = priceLines(items, products).map((line) => ({ ...line, unitPriceCents: 0, totalCents: 0 }))
  return {
    id: newId(),
    customerId: original.customerId,
    lines,
    currency: 'USD',
    subtotalCents: 0,
    deliveryFeeCents: 0,
    taxCents: 0,
    totalCents: 0,
    windowId: window.id,
    windowStart: window.start,
    windowEnd: window.end,
    ...load,
    address: original.address,
    giftMessage: null,
  }
}

/** The window that ops named, or else the customer's own time of day on the next day that has room. */
async function findWindow(
  ctx: OrderContext,
  original: Order,
  load: OrderLoad,
  wanted: Redelivery['deliveryWindow'],
) {
  const tried = wanted === undefined ? laterWindows(original, Date.now()) : [wanted]
  for (const span of tried) {
    const { latitude, longitude } = original.address
    const window = await ctx.participants
      .lookUpWindow({ latitude, longitude, ...span, load })
      .then((place) => place.window)
      .catch((err: unknown) => {
        if (err instanceof ServiceError && err.code === 'window_unavailable') return undefined
        throw err
      })
    if (window?.available === true) return window
  }
  throw conflict(
    'window_unavailable',
    wanted === undefined
      ? `No window at the customer’s time of day has room within ${DAYS_AHEAD} days; name a deliveryWindow`
      : `The delivery window starting ${wanted.start} is not offered`,
  )
}

/** The same hours on the following days; where the clocks have changed meanwhile they are an hour off. */
function laterWindows({ windowStart, windowEnd }: Order, now: number) {
  const [start, end] = [Date.parse(windowStart), Date.parse(windowEnd)]
  const first = Math.max(1, Math.ceil((now - start) / DAY_MS))
  return [0, HOUR_MS, -HOUR_MS].flatMap((shift) =>
    Array.from({ length: DAYS_AHEAD }, (_, index) => {
      const offset = (first + index) * DAY_MS + shift
      return { start: new Date(start + offset).toISOString(), end: new Date(end + offset).toISOString() }
    }),
  )
}

export function itemsUnknown(claim: Claim): ServiceError {
  return unprocessable(
    'claim_items_unknown',
    `The driver did not say which plants are missing: refund with amountCents, or reject ${claim.id} once the customer has claimed what is missing`,
  )
}

/** Why `beginMakingGood` has moved nothing. */
export async function whyNotMadeGood(db: Db, claim: Claim): Promise<ServiceError> {
  const now = (await findClaim(db, claim.id)) ?? claim
  if (now.status !== 'open') return alreadyResolved(now)
  return conflict(
    'plants_made_good',
    `Another claim on the order ${claim.orderId} has made the same plants good; reject the claim ${claim.id}`,
  )
}

export function alreadyResolved(claim: Claim): ServiceError {
  return conflict('claim_already_resolved', `The claim ${claim.id} is ${claim.status} already`)
}
