import type { Db } from '@urbanbloom/service-kit/db'
import { type MovedLevel, type MovedLevelRow, toMovedLevel } from './stock.ts'

export type ReservationStatus = 'held' | 'released' | 'shipped' | 'returned'
export type Line = { productId: string; quantity: number }
export type Reservation = { status: ReservationStatus; lines: Line[] }

type CandidateRow = {
  product_id: string
  name: string
  quantity: number
  available: number
  withdrawn: boolean
  held: boolean
}

/** What a try to reserve has found. `held` is false where stock is short or the order has a reservation already. */
export type ReserveTry = { held: boolean; candidates: CandidateRow[] }

/**
 * Whoever changes a reservation first takes its order's turn and then locks levels in SKU order, so that nobody
 * waits for anybody in a circle: a second reservation would hold levels while it waits for a release that needs
 * them.
 */
const turnSql = 'turn as materialized (select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0)))'

/**
 * Reserves all lines or none, in one statement that is a transaction of its own. Under the locks of the levels
 * the verdict is exact, and the table's constraints stand behind it. The new values come from the locked rows:
 * an update checks constraints on the row of its snapshot first, and that may be older. A second call with the same order waits for
 * its turn and then finds the first one's row, so it changes nothing.
 */
export async function tryReserve(
  db: Db,
  reservation: { orderId: string; lines: readonly Line[]; holdMs: number },
): Promise<ReserveTry> {
  const { orderId, lines, holdMs } = reservation
  const candidates = await db.query<CandidateRow>(reserveSql, [
    orderId,
    lines.map(({ productId }) => productId),
    lines.map(({ quantity }) => quantity),
    holdMs / 1000,
  ])
  return { held: candidates[0]?.held ?? false, candidates }
}

const reserveSql = `
  with ${turnSql},
  wanted as (
    select product_id, quantity from unnest($2::uuid[], $3::integer[]) as w (product_id, quantity)
  ),
  locked as materialized (
    select s.product_id, p.name, w.quantity, s.on_hand, s.reserved, s.on_hand - s.reserved as available,
      p.withdrawn_at is not null as withdrawn
    from turn cross join wanted w
      join products p on p.id = w.product_id
      join stock_levels s on s.product_id = p.id
    order by p.sku
    for update of s
  ),
  verdict as materialized (
    select count(*) = cardinality($2::uuid[]) and bool_and(available >= quantity and not withdrawn) as fits
    from locked
  ),
  reservation as (
    insert into reservations (order_id, status, expires_at)
    select $1::uuid, 'held', now() + make_interval(secs => $4) from verdict where fits
    on conflict (order_id) do nothing
    returning order_id
  ),
  lines as (
    insert into reservation_lines (order_id, product_id, quantity)
    select r.order_id, l.product_id, l.quantity from reservation r cross join locked l
  ),
  levels as (
    update stock_levels s set on_hand = l.on_hand, reserved = l.reserved + l.quantity, changed_at = now()
    from reservation r cross join locked l
    where s.product_id = l.product_id
    returning s.product_id, r.order_id, l.quantity
  ),
  movements as (
    insert into stock_movements (product_id, kind, on_hand_delta, reserved_delta, reference)
    select product_id, 'reserved', 0, quantity, order_id::text from levels
    returning product_id
  )
  select l.product_id, l.name, l.quantity, l.available, l.withdrawn, exists (select from movements) as held
  from locked l`

export async function findReservation(db: Db, orderId: string): Promise<Reservation | null> {
  const rows = await db.query<{
    status: ReservationStatus
    product_id: string | null
    quantity: number | null
  }>(
    `select r.status, l.product_id, l.quantity
     from reservations r left join reservation_lines l on l.order_id = r.order_id
     where r.order_id = $1 limit 1000`,
    [orderId],
  )
  const [first] = rows
  if (first === undefined) return null
  const lines = rows.flatMap(({ product_id: productId, quantity }) =>
    productId === null || quantity === null ? [] : [{ productId, quantity }],
  )
  return { status: first.status, lines }
}

/**
 * Marks the reservation released, or leaves a tombstone where there is none yet.
 * @returns false where it was released or shipped before.
 */
export async function markReleased(tx: Db, orderId: string): Promise<boolean> {
  const changed = await tx.query(
    `with ${turnSql}
     insert into reservations (order_id, status) select $1::uuid, 'released' from turn
     on conflict (order_id) do update set status = 'released', expires_at = null, changed_at = now()
       where reservations.status = 'held'
     returning order_id`,
    [orderId],
  )
  return changed.length > 0
}

/** @returns false where there is no reservation that is held. */
export async function markShipped(tx: Db, orderId: string): Promise<boolean> {
  const changed = await tx.query(
    `with ${turnSql}
     update reservations set status = 'shipped', expires_at = null, changed_at = now()
     from turn
     where order_id = $1 and status = 'held'
     returning order_id`,
    [orderId],
  )
  return changed.length > 0
}

/** @returns false where there is no reservation that is shipped. */
export async function markReturned(tx: Db, orderId: string): Promise<boolean> {
  const changed = await tx.query(
    `with ${turnSql}
     update reservations set status = 'returned', changed_at = now()
     from turn
     where order_id = $1 and status = 'shipped'
     returning order_id`,
    [orderId],
  )
  return changed.length > 0
}

/**
 * Puts what came back on hand again: of each line at most what was shipped. Without `lines` everything came back.
 */
export async function putBackLines(
  tx: Db,
  orderId: string,
  lines: readonly Line[] | null,
): Promise<MovedLevel[]> {
  const rows = await tx.query<MovedLevelRow>(putBackSql, [
    orderId,
    lines?.map(({ productId }) => productId) ?? null,
    lines?.map(({ quantity }) => quantity) ?? null,
  ])
  return rows.map(toMovedLevel)
}

const putBackSql = `
  with came as (
    select product_id, sum(quantity) as quantity from unnest($2::uuid[], $3::integer[]) as c (product_id, quantity)
    group by product_id
  ),
  locked as materialized (
    select s.product_id, s.on_hand - s.reserved as available,
      case when $2::uuid[] is null then l.quantity else least(l.quantity, came.quantity)::integer end as quantity
    from reservation_lines l
      join products p on p.id = l.product_id
      join stock_levels s on s.product_id = p.id
      left join came on came.product_id = l.product_id
    where l.order_id = $1 and ($2::uuid[] is null or came.quantity > 0)
    order by p.sku
    for update of s
  ),
  levels as (
    update stock_levels s set on_hand = s.on_hand + l.quantity, changed_at = now()
    from locked l
    where s.product_id = l.product_id
    returning s.product_id, s.on_hand, s.reserved, l.quantity, l.available
  ),
  movements as (
    insert into stock_movements (product_id, kind, on_hand_delta, reserved_delta, reference)
    select product_id, 'returned', quantity, 0, $1::uuid::text from levels
  )
  select product_id, on_hand, reserved, available as available_before from levels`

/**
 * Takes an order's lines out of what is reserved, and where they were shipped out of what is on hand. It follows
 * the statement that marked the reservation: a snapshot from before that could miss the lines of a reservation
 * that was just being made.
 */
export async function moveLines(
  tx: Db,
  orderId: string,
  kind: 'released' | 'shipped',
): Promise<MovedLevel[]> {
  const rows = await tx.query<MovedLevelRow>(moveLinesSql, [orderId, kind])
  return rows.map(toMovedLevel)
}

const moveLinesSql = `
  with locked as materialized (
    select s.product_id, l.quantity, case $2::text when 'shipped' then l.quantity else 0 end as leaving,
      s.on_hand - s.reserved as available
    from reservation_lines l
      join products p on p.id = l.product_id
      join stock_levels s on s.product_id = p.id
    where l.order_id = $1
    order by p.sku
    for update of s
  ),
  levels as (
    update stock_levels s
    set reserved = s.reserved - l.quantity, on_hand = s.on_hand - l.leaving, changed_at = now()
    from locked l
    where s.product_id = l.product_id
    returning s.product_id, s.on_hand, s.reserved, l.quantity, l.leaving, l.available
  ),
  movements as (
    insert into stock_movements (product_id, kind, on_hand_delta, reserved_delta, reference)
    select product_id, $2, -leaving, -quantity, $1::uuid::text from levels
  )
  select product_id, on_hand, reserved, available as available_before from levels`

/** Takes up to `limit` reservations whose time is up, for `leaseMs`: meanwhile no other process takes them. */
export async function claimExpired(db: Db, options: { limit: number; leaseMs: number }): Promise<string[]> {
  const rows = await db.query<{ order_id: string }>(
    `update reservations set expires_at = now() + make_interval(secs => $2)
     where order_id in (
       select order_id from reservations where status = 'held' and expires_at < now()
       order by expires_at limit $1 for update skip locked)
     returning order_id`,
    [options.limit, options.leaseMs / 1000],
  )
  return rows.map((row) => row.order_id)
}

/**
 * Holds on to reservations whose orders are open: as long again as they are old, within `minMs` and `maxMs`, so
 * that an order that waits for its day is not asked about every few minutes.
 */
export async function extendHeld(
  db: Db,
  orderIds: readonly string[],
  limits: { minMs: number; maxMs: number },
): Promise<void> {
  await db.query(
    `update reservations
     set expires_at = now() + greatest(make_interval(secs => $2),
       least(now() - created_at, make_interval(secs => $3)))
     where order_id = any($1::uuid[]) and status = 'held'`,
    [orderIds, limits.minMs / 1000, limits.maxMs / 1000],
  )
}
