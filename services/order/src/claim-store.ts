import type { Db } from '@urbanbloom/service-kit/db'
import type { Claim, ClaimStatus } from './claim.ts'

const columns = `id, order_id as "orderId", customer_id as "customerId", origin, reason, items, photos, status,
  amount_cents as "amountCents", refund_attempt as "refundAttempt", created_at as "createdAt", resolved_at as "resolvedAt",
  (select o.id from orders o where o.replaces_claim_id = claims.id
     and o.status not in ('rejected', 'cancelled') and o.given_up_at is null)
    as "replacementOrderId"`

/** At most this many claims of a customer on one order, so that nobody fills the table; a driver has one. */
const MAX_CLAIMS_OF_AN_ORDER = 20

/** @returns the claim, or null when the order has too many already. */
export async function insertClaim(
  db: Db,
  claim: Pick<Claim, 'id' | 'orderId' | 'customerId' | 'reason' | 'items' | 'photos'>,
): Promise<Claim | null> {
  const [row] = await db.query<Claim>(
    `insert into claims (id, order_id, customer_id, reason, items, photos, status)
     select $1, $2, $3, $4, $5, $6, 'open'
     where (select count(*) from claims where order_id = $2 and origin = 'customer') < $7
     returning ${columns}`,
    [
      claim.id,
      claim.orderId,
      claim.customerId,
      claim.reason,
      JSON.stringify(claim.items),
      JSON.stringify(claim.photos),
      MAX_CLAIMS_OF_AN_ORDER,
    ],
  )
  return row ?? null
}

export async function findClaim(db: Db, id: string): Promise<Claim | null> {
  const [row] = await db.query<Claim>(`select ${columns} from claims where id = $1`, [id])
  return row ?? null
}

/** The claims on an order, oldest first. */
export async function listClaimsOf(db: Db, orderId: string): Promise<Claim[]> {
  return db.query<Claim>(`select ${columns} from claims where order_id = $1 order by id limit $2`, [
    orderId,
    MAX_CLAIMS_OF_AN_ORDER + 1,
  ])
}

/** Claims by status, oldest first; `afterId` is the last id of the page before. */
export async function listClaims(
  db: Db,
  { status, limit, afterId }: { status: ClaimStatus | null; limit: number; afterId: string | null },
): Promise<Claim[]> {
  return db.query<Claim>(
    `select ${columns} from claims
     where ($1::text is null or status = $1) and ($2::uuid is null or id > $2) order by id limit $3`,
    [status, afterId, limit],
  )
}

/** Decides an open claim. @returns the claim, or null when it is not in one of the states `from`. */
export async function moveClaim(
  db: Db,
  id: string,
  move: { from: ClaimStatus; to: ClaimStatus; resolvedBy?: string; amountCents?: number; attempt?: number },
): Promise<Claim | null> {
  const [row] = await db.query<Claim>(
    `update claims set status = $3, resolved_by = coalesce($4, resolved_by), amount_cents = coalesce($5, amount_cents),
       refund_attempt = refund_attempt + case when $3 = 'resolving' then 1 else 0 end,
       resolved_at = case when $3 in ('refunded', 'redelivering', 'rejected') then now() end
     where id = $1 and status = $2 and ($6::integer is null or refund_attempt = $6) returning ${columns}`,
    [id, move.from, move.to, move.resolvedBy ?? null, move.amountCents ?? null, move.attempt ?? null],
  )
  return row ?? null
}

/**
 * Claims what the driver of an order kept back, or says anew what that is. What ops has decided already stays as it
 * was decided.
 */
export async function openDriversClaim(
  tx: Db,
  claim: Pick<Claim, 'id' | 'orderId' | 'customerId' | 'reason' | 'items'>,
): Promise<void> {
  await tx.query(
    `insert into claims (id, order_id, customer_id, origin, reason, items, photos, status)
     values ($1, $2, $3, 'driver', $4, $5, '[]', 'open')
     on conflict (order_id) where origin = 'driver' do update
       set reason = excluded.reason, items = excluded.items, status = 'open', resolved_at = null
       where claims.status in ('open', 'withdrawn')`,
    [claim.id, claim.orderId, claim.customerId, claim.reason, JSON.stringify(claim.items)],
  )
}

/** The driver has nothing of the order any more; a decision that was made meanwhile stays. */
export async function withdrawDriversClaim(tx: Db, orderId: string): Promise<void> {
  await tx.query(
    `update claims set status = 'withdrawn', resolved_at = now()
     where order_id = $1 and origin = 'driver' and status = 'open'`,
    [orderId],
  )
}

/** Has the claim that an order makes good follow it: redelivered with its delivery, open again once it is given up. */
export async function followReplacement(tx: Db, orderId: string): Promise<void> {
  await tx.query(
    `update claims c set
       status = case when o.status = 'delivered' then 'redelivered'
                     when o.given_up_at is not null then 'open' else 'redelivering' end,
       resolved_at = case when o.given_up_at is null then coalesce(o.delivered_at, c.resolved_at) end
     from orders o
     where o.id = $1 and c.id = o.replaces_claim_id and c.status in ('redelivering', 'redelivered')`,
    [orderId],
  )
}
