import type { Db } from '@urbanbloom/service-kit/db'
import type { Claim, ClaimStatus } from './claim.ts'

const columns = `id, order_id as "orderId", customer_id as "customerId", reason, items, photos, status,
  amount_cents as "amountCents", refund_attempt as "refundAttempt", created_at as "createdAt", resolved_at as "resolvedAt",
  (select o.id from orders o where o.replaces_claim_id = claims.id and o.status not in ('rejected', 'cancelled'))
    as "replacementOrderId"`

/** At most this many claims on one order, so that nobody fills the table. */
const MAX_CLAIMS_OF_AN_ORDER = 20

/** @returns the claim, or null when the order has too many already. */
export async function insertClaim(
  db: Db,
  claim: Pick<Claim, 'id' | 'orderId' | 'customerId' | 'reason' | 'items' | 'photos'>,
): Promise<Claim | null> {
  const [row] = await db.query<Claim>(
    `insert into claims (id, order_id, customer_id, reason, items, photos, status)
     select $1, $2, $3, $4, $5, $6, 'open'
     where (select count(*) from claims where order_id = $2) < $7
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
    MAX_CLAIMS_OF_AN_ORDER,
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
