import { paymentStatuses } from '@urbanbloom/contracts/payment'
import { newId } from '@urbanbloom/service-kit/ids'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { recordPaymentStatus } from '../src/saga-store.ts'
import { type OrderUnderTest, startOrder } from './start-order.ts'
import { payment, refusal } from './stub-peers.ts'

let order: OrderUnderTest
beforeAll(async () => {
  order = await startOrder()
})
beforeEach(() => order.peers.recover())
afterAll(() => order.close())

describe('payment.updated', () => {
  /** An order whose payment is with the bank; nobody looks at it again for 10 s, and recovery for an hour. */
  const awaiting = async (): Promise<string> => {
    order.peers.answer('authorize', ({ orderId }) => payment(orderId, 'requires_action'))
    const { status, body } = await order.buy()
    expect(status).toBe(202)
    return body.order.id
  }
  const statusOf = async (id: string) => (await order.row(id)).status

  test('confirms an order that awaits its payment at once', async () => {
    const id = await awaiting()
    await order.tell('payment.updated', { orderId: id, paymentId: id, status: 'authorized' })
    await waitFor(async () => (await statusOf(id)) === 'confirmed', {
      describe: 'the order is confirmed',
      timeoutMs: 5_000,
    })
    await waitFor(() => order.peers.count('events', id) === 1, { describe: 'delivery-routing is told' })
  })

  test('rejects it at once when the bank has declined', async () => {
    const id = await awaiting()
    order.peers.answer('refresh', ({ orderId }) => payment(orderId, 'declined'))
    await order.tell('payment.updated', { orderId: id, paymentId: id, status: 'declined' })
    await waitFor(async () => (await order.row(id)).saga_step === null, {
      describe: 'the order is rejected and unwound',
      timeoutMs: 5_000,
    })
    expect(await order.row(id)).toMatchObject({ status: 'rejected' })
    expect((await order.read(id)).body.rejection.code).toBe('payment_declined')
  })

  test('whose job meets an outage leaves the order to the next turn of recovery', async () => {
    const id = await awaiting()
    order.peers.answer('refresh', () => refusal(504, 'timeout'))
    await order.tell('payment.updated', { orderId: id, paymentId: id, status: 'authorized' })
    await waitFor(() => order.peers.count('refresh', id) > 0, { describe: 'payment is asked' })
    order.peers.recover()
    await order.recover()
    expect(await order.row(id)).toMatchObject({ status: 'confirmed', takeovers: 1 })
  })

  test('a status never goes back, whatever the order in which they come', async () => {
    const id = await order.confirmed()
    const rank = (status: string) => paymentStatuses.indexOf(status as (typeof paymentStatuses)[number])
    const property = fc.asyncProperty(
      fc.array(fc.constantFrom(...paymentStatuses), { minLength: 1, maxLength: 8 }),
      async (statuses) => {
        await order.ctx.db.query('update orders set payment_status = null where id = $1', [id])
        let highest = -1
        for (const status of statuses) {
          await recordPaymentStatus(order.ctx.db, id, status)
          highest = Math.max(highest, rank(status))
          expect((await order.row(id)).payment_status).toBe(paymentStatuses[highest])
        }
      },
    )
    await fc.assert(property, { numRuns: 40 })
  })
})

describe('a delivery’s events', () => {
  const story = [
    { type: 'delivery.scheduled', status: 'scheduled', more: { plannedArrival: '2030-05-01T14:20:00Z' } },
    { type: 'delivery.unscheduled', status: 'confirmed', more: {} },
    { type: 'delivery.scheduled', status: 'scheduled', more: { plannedArrival: '2030-05-01T14:40:00Z' } },
    { type: 'delivery.out_for_delivery', status: 'out_for_delivery', more: {} },
    { type: 'delivery.failed', status: 'delivery_failed', more: { reason: 'nobody_home' } },
    { type: 'delivery.delivered', status: 'delivered', more: { deliveredAt: '2030-05-01T15:00:00.000Z' } },
  ] as const

  test('end in the state of the newest, in any order and repeated', async () => {
    const indexes = fc.array(fc.nat(story.length - 1), { minLength: 1, maxLength: 10 })
    const property = fc.asyncProperty(indexes, fc.boolean(), async (arrivals, sameId) => {
      const orderId = await order.confirmed()
      const ids = story.map(() => newId())
      for (const index of arrivals) {
        const { type, more } = story[index] ?? story[0]
        const data = { orderId, sequence: index + 1, ...more } as never
        await order.tell(type, data, sameId ? ids[index] : newId())
      }
      const newest = Math.max(...arrivals)
      const { status, delivery_sequence, delivered_at } = await order.row(orderId)
      expect({ status, delivery_sequence }).toEqual({
        status: story[newest]?.status,
        delivery_sequence: newest + 1,
      })
      expect(delivered_at !== null).toBe(status === 'delivered')
    })
    await fc.assert(property, { numRuns: 30, examples: [[[3, 2, 1, 0], false]] })
  })

  test('a new window stays the newest, whatever overtakes it', async () => {
    const orderId = await order.confirmed()
    const windowAt = (hour: string) => ({
      id: newId(),
      start: `2030-05-0${hour}T14:00:00.000Z`,
      end: `2030-05-0${hour}T16:00:00.000Z`,
    })
    const [older, newer] = [windowAt('2'), windowAt('3')]
    await order.tell('delivery.failed', { orderId, sequence: 3, reason: 'nobody_home' })
    await order.tell('delivery.scheduled', { orderId, sequence: 6, plannedArrival: newer.start })
    const rescheduled = (sequence: number, window: object) =>
      order.tell('delivery.rescheduled', { orderId, sequence, window, outForDelivery: false } as never)
    await rescheduled(5, newer)
    await rescheduled(4, older)
    expect(await order.row(orderId)).toMatchObject({ status: 'scheduled', delivery_sequence: 6 })
    expect((await order.read(orderId)).body.deliveryWindow).toEqual({ start: newer.start, end: newer.end })
  })

  test('a retry from the van is out for delivery again', async () => {
    const orderId = await order.confirmed()
    const window = { id: newId(), start: '2030-05-02T14:00:00.000Z', end: '2030-05-02T16:00:00.000Z' }
    await order.tell('delivery.failed', { orderId, sequence: 3, reason: 'nobody_home' })
    await order.tell('delivery.rescheduled', { orderId, sequence: 4, window, outForDelivery: true })
    expect(await order.row(orderId)).toMatchObject({ status: 'out_for_delivery' })
  })

  test('the payment is captured when the van leaves', async () => {
    const orderId = await order.confirmed()
    await order.tell('delivery.out_for_delivery', { orderId, sequence: 1 })
    await waitFor(async () => (await order.row(orderId)).payment_status === 'captured', {
      describe: 'the payment is captured',
      timeoutMs: 5_000,
    })
  })

  test('change nothing of an order that has ended', async () => {
    const orderId = await order.confirmed()
    await order.cancel(orderId)
    await order.tell('delivery.unscheduled', { orderId, sequence: 1 })
    expect(await order.row(orderId)).toMatchObject({ status: 'cancelled' })
  })
})
