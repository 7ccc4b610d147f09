import type { Db } from '@urbanbloom/service-kit/db'
import { conflict, unprocessable } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import {
  type Adjustment,
  adjustLevel,
  findAdjustment,
  findAdjustmentByKey,
  findLevel,
  insertAdjustment,
  type NewAdjustment,
} from './adjustment-store.ts'
import type { InventoryContext } from './context.ts'
import { productNotFound } from './manage-products.ts'
import { forgetProductJob } from './repair-pages.ts'

type Outcome = { adjustment: Adjustment; replayed: boolean }

/**
 * Adds to what is on hand or takes from it. What is reserved for orders cannot be taken. With an idempotency
 * key a repeated request gets the first answer.
 */
export async function adjustStock(
  ctx: Pick<InventoryContext, 'db' | 'jobs' | 'metrics' | 'pages'>,
  request: Omit<NewAdjustment, 'id'>,
): Promise<Outcome> {
  const adjustment = { id: newId(), ...request }
  const { productId } = adjustment
  const outcome = await ctx.db.transaction(async (tx) => {
    const level = await findLevel(tx, productId)
    if (level === null) throw productNotFound(productId)
    if (!(await insertAdjustment(tx, adjustment))) return replay(tx, adjustment)
    const moved = await adjustLevel(tx, adjustment)
    if (moved === null) throw await refusal(ctx, tx, adjustment)
    await forgetProductJob(tx, ctx.jobs, productId)
    const made = await findAdjustment(tx, adjustment.id)
    if (made === null) throw new Error(`The adjustment ${adjustment.id} was not recorded`)
    return { adjustment: made, replayed: false }
  })
  if (!outcome.replayed) await ctx.pages.forgetProduct(productId)
  return outcome
}

async function replay(tx: Db, { actorId, idempotencyKey, fingerprint }: NewAdjustment): Promise<Outcome> {
  const first = idempotencyKey === null ? null : await findAdjustmentByKey(tx, { actorId, idempotencyKey })
  if (first === null) throw new Error('An adjustment was refused by a key that is not there')
  if (first.fingerprint !== fingerprint) {
    throw unprocessable(
      'idempotency_key_reused',
      'This Idempotency-Key was used for another adjustment; send a new key',
    )
  }
  return { adjustment: first.adjustment, replayed: true }
}

async function refusal(
  ctx: Pick<InventoryContext, 'metrics'>,
  tx: Db,
  { productId, delta }: NewAdjustment,
): Promise<Error> {
  const level = await findLevel(tx, productId)
  const { onHand = 0, reserved = 0 } = level ?? {}
  const extra = { productId, onHandQuantity: onHand, reservedQuantity: reserved }
  if (delta > 0) {
    return conflict('stock_too_large', `${onHand} are on hand; ${delta} more is over 1,000,000`, { extra })
  }
  ctx.metrics.refused('below_reserved')
  return conflict(
    'stock_below_reserved',
    `${onHand} are on hand and ${reserved} of them reserved, so at most ${onHand - reserved} can be taken, not ${-delta}`,
    { extra },
  )
}
