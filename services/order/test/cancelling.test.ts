import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type OrderUnderTest, startOrder } from './start-order.ts'
import { gate, payment, refusal } from './stub-peers.ts'

let order: OrderUnderTest
beforeAll(async () => {
  order = await startOrder()
})
beforeEach(() => order.peers.recover())
afterAll(() => order.close())

const onTheVan = () => order.peers.answer('releaseDelivery', () => refusal(409, 'delivery_loaded'))

test('an order is cancelled once, everything given back, and again answered like the first time', async () => {
  const id = await order.confirmed()
  expect(await order.cancel(id)).toMatchObject({ status: 200, body: { status: 'cancelled' } })
  expect(await order.row(id)).toMatchObject({
    status: 'cancelled',
    saga_step: null,
    payment_status: 'voided',
  })
  expect(await order.cancel(id)).toMatchObject({ status: 200, body: { status: 'cancelled' } })
  expect(order.peers.count('void', id)).toBe(1)
  expect(order.peers.count('releaseStock', id)).toBe(1)
})

test('on a van: refused, nothing given back, and the order goes on', async () => {
  const id = await order.confirmed()
  onTheVan()
  expect(await order.cancel(id)).toMatchObject({ status: 409, body: { code: 'order_not_cancellable' } })
  expect(await order.row(id)).toMatchObject({ status: 'confirmed', saga_step: null, lease_until: null })
  expect(order.peers.count('void', id) + order.peers.count('releaseStock', id)).toBe(0)

  await order.tell('delivery.out_for_delivery', { orderId: id, sequence: 2 })
  await order.tell('delivery.unscheduled', { orderId: id, sequence: 3 })
  order.peers.recover()
  expect(await order.cancel(id)).toMatchObject({ status: 200, body: { status: 'cancelled' } })
})

test('recovery finds an order that is being cancelled and is on a van: it goes on', async () => {
  const id = await order.confirmed()
  order.peers.answer('releaseDelivery', () => refusal(504, 'timeout'))
  await order.cancel(id)
  expect(await order.row(id)).toMatchObject({ status: 'confirmed', saga_step: 'cancelling' })

  onTheVan()
  await order.expireLease(id)
  await order.recover()
  expect(await order.row(id)).toMatchObject({ status: 'confirmed', saga_step: null, lease_until: null })
  expect(order.peers.count('void', id)).toBe(0)

  order.peers.recover()
  expect(await order.cancel(id)).toMatchObject({ status: 200, body: { status: 'cancelled' } })
})

test('recovery finishes a cancellation that broke off', async () => {
  const id = await order.confirmed()
  order.peers.answer('releaseDelivery', () => refusal(504, 'timeout'))
  await order.cancel(id)
  order.peers.recover()
  await order.expireLease(id)
  await order.recover()
  expect(await order.row(id)).toMatchObject({
    status: 'cancelled',
    saga_step: null,
    payment_status: 'voided',
  })
})

test('an order that awaits its payment is cancelled without asking for a van', async () => {
  order.peers.answer('authorize', ({ orderId }) => payment(orderId, 'requires_action'))
  const { body } = await order.buy()
  const { id } = body.order
  expect(await order.cancel(id)).toMatchObject({ status: 200, body: { status: 'cancelled' } })
  expect(order.peers.count('void', id)).toBe(1)
  expect(await order.row(id)).toMatchObject({ status: 'cancelled', saga_step: null })
})

test('whoever cancels while another does waits for the outcome', async () => {
  const id = await order.confirmed()
  const slow = gate()
  order.peers.answer(
    'releaseDelivery',
    slow.before(() => ({ status: 200, body: { status: 'released' } })),
  )
  const first = order.cancel(id)
  await slow.asked
  const second = order.cancel(id)
  slow.open()
  for (const answer of await Promise.all([first, second])) {
    expect(answer).toMatchObject({
      status: 200,
      body: { status: 'cancelled', payment: { status: 'voided' } },
    })
  }
  expect(order.peers.count('void', id)).toBe(1)
})
