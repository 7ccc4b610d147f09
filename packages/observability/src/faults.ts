import { newId } from '@urbanbloom/service-kit/ids'
import type { DrillSystem } from './drill-system.ts'
import type { Shop } from './traffic.ts'

/** Something that goes wrong, the alert that must come of it, and how it is mended. */
export type Fault = {
  name: string
  alert: string
  /** Part of the summary that people must read. */
  words: string
  /** Alerts that this one must hold back. */
  heldBack?: readonly string[]
  inject(system: DrillSystem, shop: Shop): Promise<unknown>
  repair(system: DrillSystem, shop: Shop): Promise<unknown>
}

/** A job that fails once and has no further try. */
const deadLetter = `'{"to": "nobody", "event": {}}'::json, max_attempts := 1`

/** A payment that is booked and was never captured. */
const strayBooking = (transactionId: string) => `
  insert into payments.ledger_transactions (id, payment_id, kind, reference)
    select '${transactionId}', id, 'capture', 'drill' from payments.payments where status = 'authorized' limit 1;
  insert into payments.ledger_entries (transaction_id, account, amount_cents)
    values ('${transactionId}', 'provider_receivable', 100), ('${transactionId}', 'goods_revenue', -100)`

const transactionId = newId()

export const faults: readonly Fault[] = [
  {
    name: 'a service is killed',
    alert: 'TargetDown',
    words: 'auth does not answer',
    inject: (system) => system.kill('auth'),
    repair: (system) => system.start('auth'),
  },
  {
    name: 'Redis is gone',
    alert: 'RedisDown',
    words: 'Redis answers nobody',
    inject: ({ redis }) => redis.stop(),
    repair: ({ redis }) => redis.start(),
  },
  {
    name: 'the card provider does not answer',
    alert: 'PaymentProviderFailing',
    words: 'The card provider fails',
    inject: (system) => system.kill('payment-sandbox'),
    repair: (system) => system.start('payment-sandbox'),
  },
  {
    name: 'an order is stuck',
    alert: 'OrdersStuck',
    words: '1 orders are stuck',
    inject: ({ sql }, { orderId }) =>
      sql(`update orders.orders set saga_step = 'cancelling', takeovers = 5,
             lease_until = now() + interval '1 hour' where id = '${orderId}'`),
    repair: ({ sql }, { orderId }) =>
      sql(`update orders.orders set lease_until = now() where id = '${orderId}' and saga_step is not null`),
  },
  {
    name: 'an event is given up',
    alert: 'DeadLetters',
    words: 'order has given up on 1 jobs',
    inject: ({ sql }) => sql(`select orders_jobs.add_job('deliver_event', ${deadLetter})`),
    repair: ({ sql }) => sql('delete from orders_jobs._private_jobs where attempts >= max_attempts'),
  },
  {
    name: 'the books differ',
    alert: 'LedgerMismatch',
    words: '1 payments differ from the ledger',
    inject: ({ sql }) => sql(strayBooking(transactionId)),
    repair: ({ sql }) =>
      sql(`delete from payments.ledger_entries where transaction_id = '${transactionId}';
           delete from payments.ledger_transactions where id = '${transactionId}'`),
  },
  {
    name: 'nothing can be reserved',
    alert: 'CheckoutFailing',
    words: 'Hardly anybody can buy: ',
    heldBack: ['GatewayUpstreamFailing'],
    inject: (system) => system.kill('inventory'),
    repair: (system) => system.start('inventory'),
  },
  {
    name: 'the order service is killed while people buy',
    alert: 'CheckoutAvailabilityBurn',
    words: 'Checkouts fail: the budget burns',
    heldBack: ['GatewayUpstreamFailing'],
    inject: (system) => system.kill('order'),
    repair: (system) => system.start('order'),
  },
  {
    name: 'the database is stopped',
    alert: 'DatabaseDown',
    words: 'The database answers nobody',
    heldBack: [
      'CheckoutFailing',
      'DriverApiFailing',
      'ServiceErrorsHigh',
      'CheckoutAvailabilityBurn',
      'GatewayUpstreamFailing',
      'DriverApiBurn',
    ],
    inject: ({ postgres }) => postgres.stop(),
    repair: ({ postgres }) => postgres.start(),
  },
]
