import { serviceSchemas } from '@urbanbloom/database/roles'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import type pg from 'pg'

const DRAIN_LIMIT_MS = 120_000

/** Events and jobs that are due, in all queues. */
const dueJobs = serviceSchemas
  .map(
    ({ schema }) =>
      `(select count(*) from ${schema}_jobs.jobs where attempts < max_attempts and run_at <= now())`,
  )
  .join(' + ')

const deadLetters = serviceSchemas
  .map(({ schema }) => `(select count(*) from ${schema}_jobs.jobs where attempts >= max_attempts)`)
  .join(' + ')

/**
 * Waits until what the checkouts set in motion has come to rest: every confirmed order is a delivery to plan, the
 * provider's webhook of every payment has arrived, and no job is due.
 */
export async function waitUntilDrained(db: pg.Pool): Promise<void> {
  const remaining = `
    select (${dueJobs})
      + (select count(*) from orders.orders where status = 'confirmed')
      - (select count(*) from delivery.deliveries where status = 'confirmed')
      + (select count(*) from payments.payments where status = 'authorized')
      - (select count(distinct payment_id) from payments.provider_events) as remaining`
  await waitFor(
    async () => {
      const { rows } = await db.query<{ remaining: string }>(remaining)
      if (Number(rows[0]?.remaining) !== 0) throw new Error(`${rows[0]?.remaining} things are on their way`)
      return true
    },
    { describe: 'the queues are empty', timeoutMs: DRAIN_LIMIT_MS },
  )
}

/** What must hold once `answered` checkouts have got their 201 and nothing is under way: each name with two equal figures. */
export async function findContradictions(db: pg.Pool, answered: number): Promise<string[]> {
  const { rows } = await db.query<{ what: string; found: string; expected: string }>(
    `with expected as (select $1::bigint as orders),
       lines as (select coalesce(sum(quantity), 0) as quantity from orders.order_lines),
       levels as (select sum(on_hand) as on_hand, sum(reserved) as reserved from inventory.stock_levels),
       movements as (
         select sum(on_hand_delta) as on_hand, sum(reserved_delta) as reserved from inventory.stock_movements)
     select what, found::text, expected::text from (
       select 'confirmed orders' as what, (select count(*) from orders.orders where status = 'confirmed') as found, orders as expected from expected
       union all select 'all orders', (select count(*) from orders.orders), orders from expected
       union all select 'orders with a saga step left', (select count(*) from orders.orders where saga_step is not null), 0
       union all select 'answers kept for replay', (select count(*) from orders.idempotency_keys where answer_status = 201), orders from expected
       union all select 'held reservations', (select count(*) from inventory.reservations where status = 'held'), orders from expected
       union all select 'reserved pieces', levels.reserved, lines.quantity from levels, lines
       union all select 'reserved pieces by the movements', movements.reserved, lines.quantity from movements, lines
       union all select 'pieces on hand', levels.on_hand, movements.on_hand from levels, movements
       union all select 'deliveries to plan', (select count(*) from delivery.deliveries where status = 'confirmed'), orders from expected
       union all select 'places taken in windows', (select sum(held) from delivery.delivery_windows), orders from expected
       union all select 'authorized payments', (select count(*) from payments.payments where status = 'authorized'), orders from expected
       union all select 'authorized cents',
         (select coalesce(sum(amount_cents), 0) from payments.payments where status = 'authorized'),
         (select coalesce(sum(total_cents), 0) from orders.orders)
       union all select 'dead letters', ${deadLetters}, 0
     ) as checks where found is distinct from expected`,
    [answered],
  )
  return rows.map(({ what, found, expected }) => `${what}: ${found} instead of ${expected}`)
}
