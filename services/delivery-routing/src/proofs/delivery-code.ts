import { randomInt } from 'node:crypto'
import type { Db } from '@urbanbloom/service-kit/db'

const CODES = 1_000_000
/** So many different wrong codes, and no code counts any more: the chance of guessing one is 5 in a million. */
const WRONG_CODES_MAX = 5

/** Gives each order a code that has none; when the van is loaded. */
export async function issueDeliveryCodes(tx: Db, orderIds: readonly string[]): Promise<void> {
  await tx.query(
    `insert into delivery_codes (order_id, code)
     select order_id, code from unnest($1::uuid[], $2::text[]) as new (order_id, code)
     on conflict (order_id) do nothing`,
    [orderIds, orderIds.map(() => newCode())],
  )
}

/** The code that the customer shows, or null where none was given yet. */
export async function findDeliveryCode(db: Db, orderId: string): Promise<string | null> {
  const [row] = await db.query<{ code: string }>('select code from delivery_codes where order_id = $1', [
    orderId,
  ])
  return row?.code ?? null
}

/** Another code, for a customer whose first one was guessed at too often. */
export async function renewDeliveryCode(tx: Db, orderId: string): Promise<void> {
  await tx.query(
    `update delivery_codes set code = $2, wrong_codes = '{}', created_at = now() where order_id = $1`,
    [orderId, newCode()],
  )
}

/**
 * Whether this is the order's code. Where it `counts`, a wrong one is remembered; the same wrong one counts once, so
 * that a report which comes again does no harm.
 */
export async function checkCode(
  tx: Db,
  orderId: string,
  { code, counts }: { code: string; counts: boolean },
): Promise<'right' | 'wrong' | 'locked'> {
  const [known] = await tx.query<{ code: string; wrong_codes: string[] }>(
    'select code, wrong_codes from delivery_codes where order_id = $1 for update',
    [orderId],
  )
  if (known === undefined) return 'wrong'
  if (counts && known.wrong_codes.length >= WRONG_CODES_MAX) return 'locked'
  if (known.code === code) return 'right'
  if (counts && !known.wrong_codes.includes(code)) {
    await tx.query('update delivery_codes set wrong_codes = wrong_codes || $2::text where order_id = $1', [
      orderId,
      code,
    ])
  }
  return 'wrong'
}

function newCode(): string {
  return String(randomInt(CODES)).padStart(6, '0')
}
