import pg from 'pg'

/** What must hold in the database of a system at rest, each as a query that finds what breaks it. */
const rules: Record<string, string> = {
  'an order is left in the saga': `
    select id, status, saga_step, lease_until, takeovers from orders.orders where saga_step is not null`,
  'a live order has no held or shipped stock': `
    select o.id, o.status, r.status as reservation from orders.orders o
    left join inventory.reservations r on r.order_id = o.id
    where o.status not in ('rejected', 'cancelled') and coalesce(r.status, 'none') not in ('held', 'shipped', 'returned')`,
  'an ended order still holds stock': `
    select o.id, o.status, r.status as reservation from orders.orders o
    join inventory.reservations r on r.order_id = o.id
    where o.status in ('rejected', 'cancelled') and r.status <> 'released'`,
  'stock is held for no order': `
    select r.order_id from inventory.reservations r left join orders.orders o on o.id = r.order_id
    where r.status = 'held' and o.id is null`,
  'a reservation has other lines than its order': `
    select o.id from orders.orders o join inventory.reservations r on r.order_id = o.id and r.status in ('held', 'shipped')
    where (select jsonb_object_agg(product_id, quantity) from orders.order_lines where order_id = o.id)
      <> (select jsonb_object_agg(product_id, quantity) from inventory.reservation_lines where order_id = o.id)`,
  'the movements do not sum to the level': `
    select s.product_id, s.on_hand, s.reserved, m.on_hand as moved_on_hand, m.reserved as moved_reserved
    from inventory.stock_levels s
    left join lateral (select coalesce(sum(on_hand_delta), 0) as on_hand, coalesce(sum(reserved_delta), 0) as reserved
      from inventory.stock_movements where product_id = s.product_id) m on true
    where (s.on_hand, s.reserved) <> (m.on_hand, m.reserved)`,
  'the reserved level is not what reservations hold': `
    select s.product_id, s.reserved, coalesce(h.held, 0) as held from inventory.stock_levels s
    left join (select l.product_id, sum(l.quantity) as held from inventory.reservation_lines l
      join inventory.reservations r on r.order_id = l.order_id and r.status = 'held' group by 1) h
      on h.product_id = s.product_id
    where s.reserved <> coalesce(h.held, 0)`,
  'a live order has no delivery': `
    select o.id, o.status, d.status as delivery from orders.orders o left join delivery.deliveries d on d.order_id = o.id
    where o.status not in ('rejected', 'cancelled') and coalesce(d.status, 'none') in ('none', 'held', 'released')`,
  'an ended order still holds a delivery': `
    select o.id, o.status, d.status as delivery from orders.orders o join delivery.deliveries d on d.order_id = o.id
    where o.status in ('rejected', 'cancelled') and d.status <> 'released'`,
  'a window counts other deliveries than hold it': `
    select w.id, w.held, count(d.order_id) as holding from delivery.delivery_windows w
    left join delivery.deliveries d on d.window_id = w.id and d.holds_capacity
    group by w.id having w.held <> count(d.order_id)`,
  'a live order is not paid or is paid another amount': `
    select o.id, o.status, o.total_cents, p.status as payment, p.amount_cents from orders.orders o
    left join payments.payments p on p.order_id = o.id
    where o.status not in ('rejected', 'cancelled') and o.replaces_claim_id is null
      and (coalesce(p.status, 'none') not in ('authorized', 'captured', 'partially_refunded', 'refunded')
           or p.amount_cents <> o.total_cents)`,
  'an order that makes a claim good was paid': `
    select o.id, o.status, p.status as payment from orders.orders o join payments.payments p on p.order_id = o.id
    where o.replaces_claim_id is not null`,
  'a claim waits for a replacement that does not come, or is made good by none': `
    select c.id, c.status, o.id as order_id, o.status as order_status from orders.claims c
    left join orders.orders o on o.replaces_claim_id = c.id
      and o.status not in ('rejected', 'cancelled') and o.given_up_at is null
    where c.status = 'redelivering' and (o.id is null or o.status = 'delivered')
       or c.status = 'redelivered' and o.status is distinct from 'delivered'
       or c.status not in ('redelivering', 'redelivered') and o.id is not null`,
  'what a driver kept is claimed by nobody': `
    select o.id from orders.orders o where o.undelivered is not null and not exists (
      select from orders.claims c where c.order_id = o.id and c.origin = 'driver' and c.status <> 'withdrawn')`,
  'an ended order still holds money': `
    select o.id, o.status, p.status as payment from orders.orders o join payments.payments p on p.order_id = o.id
    where o.status in ('rejected', 'cancelled') and p.status not in ('declined', 'voided', 'refunded')`,
  'an order knows another payment status than the payment service': `
    select o.id, o.status, o.payment_status, p.status from orders.orders o join payments.payments p on p.id = o.payment_id
    where o.payment_status is distinct from p.status`,
  'a ledger transaction does not sum to zero': `
    select transaction_id, sum(amount_cents) from payments.ledger_entries group by 1 having sum(amount_cents) <> 0`,
  'the ledger is not what was captured and refunded': `
    select p.id, p.captured_cents, p.refunded_cents, coalesce(sum(e.amount_cents), 0) as booked
    from payments.payments p
    left join payments.ledger_transactions t on t.payment_id = p.id
    left join payments.ledger_entries e on e.transaction_id = t.id and e.account = 'provider_receivable'
    group by p.id having coalesce(sum(e.amount_cents), 0) <> p.captured_cents - p.refunded_cents`,
  ...Object.fromEntries(
    ['auth', 'inventory', 'orders', 'payments', 'delivery'].map((schema) => [
      `a job of ${schema} is left in its queue`,
      `select task_identifier, attempts, last_error from ${schema}_jobs.jobs`,
    ]),
  ),
}

/**
 * Looks across all schemas for what must never be: stock, windows or money held for nothing, sold twice, or booked
 * wrongly. For a system at rest.
 * @returns what is broken, in words and with its rows; empty when all is well.
 */
export async function audit(adminUrl: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const broken: string[] = []
    for (const [rule, sql] of Object.entries(rules)) {
      const { rows } = await client.query(`${sql} limit 5`)
      if (rows.length > 0) broken.push(`${rule}: ${JSON.stringify(rows)}`)
    }
    return broken
  } finally {
    await client.end()
  }
}

/** Runs one query as the administrator, for what a test must know of the inside. */
export async function inspect<Row extends Record<string, unknown>>(
  adminUrl: string,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    return (await client.query<Row>(sql, values)).rows
  } finally {
    await client.end()
  }
}
