import type { Db } from '@urbanbloom/service-kit/db'
import { type MovedLevel, type MovedLevelRow, toMovedLevel } from './stock.ts'

export type Adjustment = {
  id: string
  productId: string
  delta: number
  reason: string
  onHandQuantity: number
  reservedQuantity: number
  availableQuantity: number
  createdAt: string
}

export type NewAdjustment = {
  id: string
  productId: string
  actorId: string
  idempotencyKey: string | null
  fingerprint: string
  delta: number
  reason: string
}

type AdjustmentRow = {
  id: string
  product_id: string
  delta: number
  reason: string
  on_hand_after: number
  reserved_after: number
  fingerprint: string
  created_at: Date
}

/**
 * Takes the key for this adjustment; a second request with the same key waits here until the first has ended.
 * @returns false where the key was taken.
 */
export async function insertAdjustment(tx: Db, adjustment: NewAdjustment): Promise<boolean> {
  const added = await tx.query(
    `insert into stock_adjustments (id, product_id, actor_id, idempotency_key, fingerprint, delta, reason)
     values ($1, $2, $3, $4, $5, $6, $7)
     on conflict on constraint one_adjustment_for_each_key do nothing
     returning id`,
    [
      adjustment.id,
      adjustment.productId,
      adjustment.actorId,
      adjustment.idempotencyKey,
      adjustment.fingerprint,
      adjustment.delta,
      adjustment.reason,
    ],
  )
  return added.length > 0
}

/**
 * Changes what is on hand, unless that fell below what is reserved, and records the movement.
 * @returns the level after, or null where it was refused.
 */
export async function adjustLevel(tx: Db, adjustment: NewAdjustment): Promise<MovedLevel | null> {
  const [row] = await tx.query<MovedLevelRow>(
    `with level as (
       update stock_levels set on_hand = on_hand + $2::integer, changed_at = now()
       where product_id = $1 and on_hand + $2::integer >= reserved and on_hand + $2::integer <= 1000000
       returning product_id, on_hand, reserved, on_hand - $2::integer - reserved as available_before
     ),
     movement as (
       insert into stock_movements (product_id, kind, on_hand_delta, reserved_delta, reference)
       select product_id, 'adjusted', $2::integer, 0, $3::uuid::text from level
     ),
     record as (
       update stock_adjustments a set on_hand_after = l.on_hand, reserved_after = l.reserved
       from level l where a.id = $3::uuid
     )
     select product_id, on_hand, reserved, available_before from level`,
    [adjustment.productId, adjustment.delta, adjustment.id],
  )
  return row === undefined ? null : toMovedLevel(row)
}

export async function findLevel(
  db: Db,
  productId: string,
): Promise<{ onHand: number; reserved: number } | null> {
  const [row] = await db.query<{ on_hand: number; reserved: number }>(
    'select on_hand, reserved from stock_levels where product_id = $1',
    [productId],
  )
  return row === undefined ? null : { onHand: row.on_hand, reserved: row.reserved }
}

const columns = 'id, product_id, delta, reason, on_hand_after, reserved_after, fingerprint, created_at'

export async function findAdjustment(tx: Db, id: string): Promise<Adjustment | null> {
  const [row] = await tx.query<AdjustmentRow>(`select ${columns} from stock_adjustments where id = $1`, [id])
  return row === undefined ? null : toAdjustment(row)
}

/** The adjustment that was made under a key, with the fingerprint of its request. */
export async function findAdjustmentByKey(
  tx: Db,
  key: { actorId: string; idempotencyKey: string },
): Promise<{ adjustment: Adjustment; fingerprint: string } | null> {
  const [row] = await tx.query<AdjustmentRow>(
    `select ${columns} from stock_adjustments where actor_id = $1 and idempotency_key = $2`,
    [key.actorId, key.idempotencyKey],
  )
  return row === undefined ? null : { adjustment: toAdjustment(row), fingerprint: row.fingerprint }
}

function toAdjustment(row: AdjustmentRow): Adjustment {
  return {
    id: row.id,
    productId: row.product_id,
    delta: row.delta,
    reason: row.reason,
    onHandQuantity: row.on_hand_after,
    reservedQuantity: row.reserved_after,
    availableQuantity: row.on_hand_after - row.reserved_after,
    createdAt: row.created_at.toISOString(),
  }
}
