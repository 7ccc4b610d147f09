import type { Db } from '@urbanbloom/service-kit/db'
import type { Claim, ClaimStatus } from './claim.ts'

const columns = `id, order_id as "orderId", customer_id as "customerId", origin, reason, items, photos, status,
  amount_cents as "amountCents", refund_attempt as "refundAttempt", created_at as "createdAt", resolved_at as "resolvedAt",
  (select o.id from orders o where o.replaces_claim_id = claims.id
     and o.status not in ('rejected', 'cancelled') and o.given_up_at is null)
    as "replacementOrderId"`

/** At most this many claims of a customer on one order, so that nobody fills the table; a driver has one. */
const MAX_CLAIMS_OF_AN_ORDER = 20

/**
 * Lets the claims of an order be written one after the other until the transaction ends, so that none of them counts
 * plants that another one counts at the same moment. Orders are locked before claims, as everywhere.
 */
async function lockClaimsOf(tx: Db, orderId: string): Promise<void> {
  await tx.query('select id from orders where id = $1 for no key update', [orderId])
}

/**
 * The plants of which an order has fewer than its claims in the statuses `counted` ask for together with one more claim,
 * as a condition; `others` says which claims are the others.
 */
function asksForTooMuch({ order, items, others }: { order: string; items: string; others: string }): string {
  return `exists (
    select from jsonb_to_recordset(${items}) as asked ("productId" uuid, quantity int)
    group by asked."productId"
    having sum(asked.quantity) + coalesce((
        select sum(had.quantity) from claims c, jsonb_to_recordset(c.items) as had ("productId" uuid, quantity int)
        where c.order_id = ${order} and ${others} and had."productId" = asked."productId"), 0)
      > coalesce((select sum(l.quantity) from order_lines l
                  where l.order_id = ${order} and l.product_id = asked."productId"), 0))`
}

/**
 * Writes a claim on plants that no other claim is about, unless that was rejected or withdrawn.
 * @returns the claim, or why there is none: the order has too many, or not enough plants are left to claim.
 */
export async function insertClaim(
  tx: Db,
  claim: Pick<Claim, 'id' | 'orderId' | 'customerId' | 'reason' | 'items' | 'photos'>,
): Promise<Claim | 'too_many' | 'claimed_already'> {
  await lockClaimsOf(tx, claim.orderId)
  const others = `c.status not in ('rejected', 'withdrawn')`
  const [row] = await tx.query<Claim>(
    `insert into claims (id, order_id, customer_id, reason, items, photos, status)
     select $1, $2, $3, $4, $5::jsonb, $6, 'open'
     where (select count(*) from claims where order_id = $2 and origin = 'customer') < $7
       and not ${asksForTooMuch({ order: '$2', items: '$5::jsonb', others })}
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
  if (row !== undefined) return row
  const [claims] = await tx.query<{ count: number }>(
    `select count(*)::int as count from claims where order_id = $1 and origin = 'customer'`,
    [claim.orderId],
  )
  return (claims?.count ?? 0) >= MAX_CLAIMS_OF_AN_ORDER ? 'too_many' : 'claimed_already'
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
 * Decides that an open claim is made good, unless others have made its plants good already: a driver's claim and a
 * customer's can be about the same ones.
 * @returns the claim, or null when it is not open or asks for what was made good.
 */
export async function beginMakingGood(
  tx: Db,
  { id, orderId }: Pick<Claim, 'id' | 'orderId'>,
  move: { to: 'resolving' | 'redelivering'; resolvedBy: string; amountCents?: number },
): Promise<Claim | null> {
  await lockClaimsOf(tx, orderId)
  const others = `c.id <> $1 and c.status in ('resolving', 'refunded', 'redelivering', 'redelivered')`
  const [open] = await tx.query(
    `select id from claims
     where id = $1 and status = 'open' and not ${asksForTooMuch({ order: '$2::uuid', items: 'items', others })}`,
    [id, orderId],
  )
  return open === undefined ? null : moveClaim(tx, id, { from: 'open', ...move })
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
