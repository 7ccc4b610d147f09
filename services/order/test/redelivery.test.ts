import { newId } from '@urbanbloom/service-kit/ids'
import { request } from '@urbanbloom/test-kit/http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type OrderUnderTest, startOrder } from './start-order.ts'
import { refusal } from './stub-peers.ts'

let order: OrderUnderTest
beforeAll(async () => {
  order = await startOrder()
})
beforeEach(() => order.peers.recover())
afterAll(() => order.close())

const redeliver = (claimId: string, more: object = {}) =>
  order.resolve(claimId, { action: 'redeliver', ...more })

/** A delivered order of one plant with a claim on it. */
async function claimed() {
  const orderId = await order.confirmed()
  const deliveredAt = '2030-05-01T15:00:00.000Z'
  await order.tell('delivery.delivered', { orderId, sequence: 1, deliveredAt })
  const { status, body } = await order.claim(orderId)
  expect(status).toBe(201)
  return { orderId, claimId: body.id as string }
}
const claimOf = async (orderId: string) => {
  const { body } = await request('GET', `${order.url}/v1/orders/${orderId}/claims`, { token: order.token })
  return body.items[0]
}
const replacementsOf = (claimId: string) =>
  order.ctx.db.query<{ id: string; status: string; saga_step: string | null }>(
    'select id, status, saga_step from orders where replaces_claim_id = $1 order by id',
    [claimId],
  )

test('a redelivery is an order that costs nothing and is planned like any other', async () => {
  const { orderId, claimId } = await claimed()
  const answer = await redeliver(claimId)
  expect(answer).toMatchObject({ status: 200, body: { id: claimId, status: 'redelivering' } })
  const id: string = answer.body.replacementOrderId
  const { body } = await order.read(id)
  expect(body).toMatchObject({ status: 'confirmed', totalCents: 0, replacesClaimId: claimId })
  expect(body.payment).toBeUndefined()
  const { body: original } = await order.read(orderId)
  expect(body.address).toEqual(original.address)
  // The customer's own time of day, on a later day.
  const hour = (text: string) => text.slice(11)
  expect(hour(body.deliveryWindow.start)).toBe(hour(original.deliveryWindow.start))
  expect(body.deliveryWindow.start > original.deliveryWindow.start).toBe(true)
  expect([order.peers.count('reserveStock', id), order.peers.count('holdDelivery', id)]).toEqual([1, 1])
  expect(order.peers.count('authorize', id)).toBe(0)
  await waitFor(() => order.peers.count('events', id) === 1, { describe: 'the event order.confirmed' })

  await order.tell('delivery.out_for_delivery', { orderId: id, sequence: 1 })
  await order.tell('delivery.delivered', {
    orderId: id,
    sequence: 2,
    deliveredAt: '2030-06-01T15:00:00.000Z',
  })
  expect((await order.read(id)).body.status).toBe('delivered')
  expect(await claimOf(orderId)).toMatchObject({ status: 'redelivered', replacementOrderId: id })
  expect((await order.resolve(claimId)).body.code).toBe('claim_already_resolved')
  const jobs = () =>
    order.ctx.db.query(`select 1 from orders_jobs.jobs where task_identifier = 'capture_payment'`)
  await waitFor(async () => (await jobs()).length === 0, { describe: 'nothing left to capture' })
  expect(order.peers.count('capture', id)).toBe(0)
  const again = await order.claim(id)
  expect(again.status).toBe(201)
  expect((await order.resolve(again.body.id)).body.code).toBe('refund_exceeds_order')
})

test('ops may name the window, and a claim is decided once', async () => {
  const { claimId } = await claimed()
  const deliveryWindow = { start: '2031-05-01T14:00:00.000Z', end: '2031-05-01T16:00:00.000Z' }
  const answers = await Promise.all([1, 2, 3].map(() => redeliver(claimId, { deliveryWindow })))
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409])
  const [replacement, ...others] = await replacementsOf(claimId)
  expect(others).toEqual([])
  const { body } = await order.read(replacement?.id ?? '')
  expect(body.deliveryWindow).toEqual(deliveryWindow)
  expect((await order.resolve(claimId)).body.code).toBe('claim_already_resolved')
})

test('without stock ops learns it, the claim is open again, and money can be given back instead', async () => {
  const { claimId, orderId } = await claimed()
  order.peers.answer('reserveStock', () => refusal(409, 'out_of_stock'))
  expect(await redeliver(claimId)).toMatchObject({ status: 409, body: { code: 'out_of_stock' } })
  const [rejected] = await replacementsOf(claimId)
  expect(rejected).toMatchObject({ status: 'rejected', saga_step: null })
  expect(order.peers.count('releaseDelivery', rejected?.id ?? '')).toBe(1)
  expect(order.peers.count('void', rejected?.id ?? '')).toBe(0)
  expect(await claimOf(orderId)).toMatchObject({ status: 'open' })
  order.peers.recover()
  expect((await redeliver(claimId)).status).toBe(200)
  expect(await replacementsOf(claimId)).toHaveLength(2)

  const other = await claimed()
  order.peers.answer('reserveStock', () => refusal(409, 'out_of_stock'))
  await redeliver(other.claimId)
  expect((await order.resolve(other.claimId)).body.status).toBe('refunded')
})

test('the next days are tried until one has room, and none is said as such', async () => {
  const { claimId } = await claimed()
  const asked: string[] = []
  const full = refusal(409, 'window_unavailable')
  order.peers.answer('lookUpWindow', ({ body }) => {
    asked.push(body.start)
    if (asked.length < 3) return full
    const { start, end } = body
    const window = { id: newId(), start, end, feeCents: 500, available: true }
    return { status: 200, body: { hubId: newId(), baseFeeCents: 500, window } }
  })
  expect((await redeliver(claimId)).status).toBe(200)
  expect(new Set(asked).size).toBe(3)
  order.peers.recover()
  const { claimId: other } = await claimed()
  order.peers.answer('lookUpWindow', () => full)
  expect(await redeliver(other)).toMatchObject({ status: 409, body: { code: 'window_unavailable' } })
  expect(await replacementsOf(other)).toEqual([])
})

test('what is interrupted is driven on: to the van, or back to an open claim', async () => {
  for (const [call, refused] of [
    ['holdDelivery', false],
    ['reserveStock', true],
  ] as const) {
    const { claimId, orderId } = await claimed()
    order.peers.answer(call, () => refusal(500, 'internal_error'))
    expect(await redeliver(claimId)).toMatchObject({ status: 503, body: { code: 'redelivery_in_doubt' } })
    expect((await claimOf(orderId)).status).toBe('redelivering')
    const [{ id } = { id: '' }] = await replacementsOf(claimId)
    if (refused) order.peers.answer(call, () => refusal(409, 'out_of_stock'))
    else order.peers.recover()
    await order.expireLease(id)
    await order.recover()
    expect((await order.read(id)).body.status).toBe(refused ? 'rejected' : 'confirmed')
    expect((await claimOf(orderId)).status).toBe(refused ? 'open' : 'redelivering')
    // Once more changes nothing.
    await order.recover()
    expect(order.peers.count('void', id)).toBe(0)
  }
})

test('a replacement that its customer cancels opens the claim again', async () => {
  const { claimId, orderId } = await claimed()
  const id: string = (await redeliver(claimId)).body.replacementOrderId
  expect((await order.cancel(id)).status).toBe(200)
  expect(order.peers.count('void', id)).toBe(0)
  expect(order.peers.count('releaseStock', id)).toBe(1)
  const claim = await claimOf(orderId)
  expect(claim.status).toBe('open')
  expect(claim.replacementOrderId).toBeUndefined()
})

test('a replacement that fails is still on its way until it is given up; then the claim is open again', async () => {
  const { claimId, orderId } = await claimed()
  const id: string = (await redeliver(claimId)).body.replacementOrderId
  await order.tell('delivery.out_for_delivery', { orderId: id, sequence: 1 })
  await order.tell('delivery.failed', { orderId: id, sequence: 2, reason: 'customer_absent' })
  expect(await claimOf(orderId)).toMatchObject({ status: 'redelivering', replacementOrderId: id })
  // The event of the failure is repeated, and those of both tries overtake each other.
  await order.tell('delivery.given_up', { orderId: id, sequence: 4 })
  await order.tell('delivery.failed', { orderId: id, sequence: 3, reason: 'customer_absent' })
  const reopened = await claimOf(orderId)
  expect(reopened.status).toBe('open')
  expect([reopened.replacementOrderId, reopened.resolvedAt]).toEqual([undefined, undefined])
  expect((await order.read(id)).body.status).toBe('delivery_failed')

  const second: string = (await redeliver(claimId)).body.replacementOrderId
  expect(second).not.toBe(id)
  const deliveredAt = '2030-06-01T15:00:00.000Z'
  await order.tell('delivery.delivered', { orderId: second, sequence: 1, deliveredAt })
  expect(await claimOf(orderId)).toMatchObject({
    status: 'redelivered',
    replacementOrderId: second,
    resolvedAt: deliveredAt,
  })
})

test('a claim that is open again may be refunded instead', async () => {
  const { claimId } = await claimed()
  const id: string = (await redeliver(claimId)).body.replacementOrderId
  await order.tell('delivery.given_up', { orderId: id, sequence: 1 })
  expect((await order.resolve(claimId)).body.status).toBe('refunded')
})
