import { newId } from '@urbanbloom/service-kit/ids'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { splitRefund } from '../src/payment.ts'
import { capturedPayment, type Running, startPayment } from './start-payment.ts'

let running: Running
let client: pg.Client
beforeAll(async () => {
  running = await startPayment()
  client = new pg.Client({ connectionString: running.databaseUrl })
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await running.close()
})

async function commit(paymentId: string, entries: [account: string, cents: number][], kind = 'refund') {
  const id = newId()
  await client.query('begin')
  try {
    await client.query(
      'insert into ledger_transactions (id, payment_id, kind, reference) values ($1, $2, $3, $4)',
      [id, paymentId, kind, id],
    )
    for (const [account, cents] of entries) {
      await client.query(
        'insert into ledger_entries (transaction_id, account, amount_cents) values ($1, $2, $3)',
        [id, account, cents],
      )
    }
    await client.query('commit')
  } catch (err) {
    await client.query('rollback')
    throw err
  }
  return id
}

test('the database refuses a transaction that does not balance, has one entry, or none', async () => {
  const { id } = await capturedPayment(running)
  await expect(
    commit(id, [
      ['provider_receivable', -100],
      ['goods_revenue', 99],
    ]),
  ).rejects.toThrow('2 entries that sum to -1')
  await expect(commit(id, [['provider_receivable', -100]])).rejects.toThrow('1 entries')
  await expect(commit(id, [])).rejects.toThrow('0 entries')
  await expect(commit(id, [['provider_receivable', 0]])).rejects.toThrow('ledger_entries_amount')
  await expect(commit(id, [['petty_cash', 5]])).rejects.toThrow('ledger_entries_account')
  await expect(
    commit(id, [
      ['provider_receivable', -100],
      ['goods_revenue', 100],
    ]),
  ).resolves.toBeTypeOf('string')
})

test('a balanced transaction cannot be unbalanced afterwards, and a capture is booked once', async () => {
  const { id } = await capturedPayment(running)
  const [booked] = await running.rows('select id from ledger_transactions where payment_id = $1', [id])
  await expect(
    client.query(`update ledger_entries set amount_cents = 1 where transaction_id = $1`, [booked.id]),
  ).rejects.toThrow('permission denied')
  await expect(
    client.query('delete from ledger_entries where transaction_id = $1', [booked.id]),
  ).rejects.toThrow('permission denied')
  await expect(client.query('delete from ledger_transactions where id = $1', [booked.id])).rejects.toThrow(
    'permission denied',
  )
  const again: [string, number][] = [
    ['provider_receivable', 1],
    ['goods_revenue', -1],
  ]
  await expect(commit(id, again, 'capture')).rejects.toThrow('ledger_transactions_one_capture')
})

test('the database refuses a payment that goes backward or gives back more than it took', async () => {
  const { id } = await capturedPayment(running)
  const set = (sql: string) => client.query(`update payments set ${sql} where id = '${id}'`)
  await expect(set(`status = 'authorized', captured_cents = 0`)).rejects.toThrow(
    'cannot go from captured to authorized',
  )
  await expect(set('refund_pending_cents = captured_cents + 1')).rejects.toThrow('payments_refunded')
  await expect(set('captured_cents = amount_cents + 1')).rejects.toThrow('payments_captured')
  await expect(set(`status = 'refunded'`)).rejects.toThrow('payments_refunded_status')
})

test('refunds in any steps return exactly the split', () => {
  const cents = fc.integer({ min: 0, max: 100_000 })
  fc.assert(
    fc.property(
      cents,
      cents,
      cents,
      fc.array(fc.integer({ min: 1, max: 5_000 }), { maxLength: 30 }),
      (goodsCents, deliveryCents, taxCents, steps) => {
        const split = { goodsCents, deliveryCents, taxCents }
        const total = goodsCents + deliveryCents + taxCents
        fc.pre(total > 0)
        const sums = { goodsCents: 0, deliveryCents: 0, taxCents: 0 }
        let refunded = 0
        for (const step of [...steps, total]) {
          const amount = Math.min(step, total - refunded)
          const part = splitRefund(split, refunded, amount)
          expect(part.goodsCents + part.deliveryCents + part.taxCents).toBe(amount)
          for (const share of Object.values(part)) expect(share).toBeGreaterThanOrEqual(-1)
          sums.goodsCents += part.goodsCents
          sums.deliveryCents += part.deliveryCents
          sums.taxCents += part.taxCents
          refunded += amount
        }
        expect(sums).toEqual(split)
      },
    ),
  )
})
