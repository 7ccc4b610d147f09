import { conflict, ServiceError, unprocessable } from '@urbanbloom/service-kit/errors'
import { fingerprint } from '@urbanbloom/service-kit/idempotency'
import { newId } from '@urbanbloom/service-kit/ids'
import { remainingMs } from '@urbanbloom/service-kit/request-context'
import { findKey, type StoredAnswer } from './answer-store.ts'
import type { OrderContext } from './context.ts'
import type { NewOrder } from './order.ts'
import type { CheckoutBody } from './order-schemas.ts'
import { insertOrder } from './order-store.ts'
import { placeOrder } from './place-order.ts'
import { quote } from './quote.ts'

export type CheckoutAnswer = StoredAnswer & { replayed: boolean }

const POLL_MS = 60
/** Left of the deadline for saying that another request with the key is still at work. */
const RESERVE_MS = 300
const MAX_WAIT_MS = 12_000

/**
 * Buys: the first request with a key places the order, every other one gets the first's answer.
 * @throws 422 `idempotency_key_reused` for another body, 409 `idempotency_in_progress` when the first takes too long,
 *   and whatever `quote` refuses, before anything is written.
 */
export async function checkout(
  ctx: OrderContext,
  request: { customerId: string; key: string; body: CheckoutBody },
): Promise<CheckoutAnswer> {
  const { customerId, key, body } = request
  const print = fingerprint(body)
  const earlier = await waitForAnswer(ctx, { customerId, key, print })
  if (earlier !== null) return earlier

  const order = await priceOrder(ctx, customerId, body)
  ctx.crashPoint('priced')
  const placed = await insertOrder(ctx.db, order, { key, fingerprint: print, leaseMs: ctx.config.leaseMs })
  if (placed === null) {
    const answer = await waitForAnswer(ctx, { customerId, key, print })
    // The first was interrupted before it could pay and has freed the key: this request takes its place.
    return answer ?? checkout(ctx, request)
  }
  ctx.crashPoint('order_inserted')
  const started = performance.now()
  try {
    return { ...(await placeOrder(ctx, placed, body.payment.token)), replayed: false }
  } finally {
    ctx.metrics.observeCheckout(performance.now() - started)
  }
}

async function priceOrder(ctx: OrderContext, customerId: string, body: CheckoutBody): Promise<NewOrder> {
  const { window, lines, weightGrams, volumeMilliliters, transport, ...totals } = await quote(ctx, body)
  if (window === undefined) throw conflict('window_unavailable', 'The delivery window is no longer offered')
  if (body.expectedTotalCents !== undefined && body.expectedTotalCents !== totals.totalCents) {
    throw conflict(
      'price_changed',
      `The total is ${totals.totalCents} cents, not ${body.expectedTotalCents}; ask for a new quote`,
      {
        extra: { totalCents: totals.totalCents, expectedTotalCents: body.expectedTotalCents },
      },
    )
  }
  return {
    id: newId(),
    customerId,
    lines,
    ...totals,
    windowId: window.id,
    windowStart: window.start,
    windowEnd: window.end,
    weightGrams,
    volumeMilliliters,
    transport,
    address: body.address,
    giftMessage: body.giftMessage ?? null,
  }
}

/** The first request's answer, waiting for it as long as the deadline allows; null when the key is free. */
async function waitForAnswer(
  ctx: OrderContext,
  { customerId, key, print }: { customerId: string; key: string; print: string },
): Promise<CheckoutAnswer | null> {
  const giveUpAt = performance.now() + Math.max(0, remainingMs(MAX_WAIT_MS) - RESERVE_MS)
  for (;;) {
    const state = await findKey(ctx.db, customerId, key)
    if (state === null) return null
    if (state.fingerprint !== print) {
      throw unprocessable(
        'idempotency_key_reused',
        'This Idempotency-Key was used with another body; use a new key',
      )
    }
    if (state.answer !== null) return { ...state.answer, replayed: true }
    if (performance.now() > giveUpAt) {
      throw new ServiceError(
        'conflict',
        'idempotency_in_progress',
        'The first request with this key is still at work',
        {
          retryAfterSeconds: 2,
        },
      )
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS * (0.7 + Math.random() * 0.6)))
  }
}
