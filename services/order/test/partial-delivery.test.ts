import { newId } from '@urbanbloom/service-kit/ids'
import { request } from '@urbanbloom/test-kit/http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type OrderUnderTest, startOrder } from './start-order.ts'

let order: OrderUnderTest
beforeAll(async () => {
  order = await startOrder()
})
beforeEach(() => order.peers.recover())
afterAll(() => order.close())

const deliveredAt = '2030-05-01T15:00:00.000Z'
const kept = (changes: object = {}) => ({
  parcels: 1,
  reason: 'damaged',
  items: [{ productId: order.productId, quantity: 1 }],
  ...changes,
})
const delivered = (orderId: string, sequence: number, undelivered?: ReturnType<typeof kept>) =>
  order.tell('delivery.delivered', { orderId, sequence, deliveredAt, ...(undelivered && { undelivered }) })
const claimsOf = async (orderId: string) =>
  (await request('GET', `${order.url}/v1/orders/${orderId}/claims`, { token: order.token })).body.items

/** Two plants of two kinds. */
async function twoKinds(): Promise<{ id: string; other: string }> {
  const other = newId()
  const items = [order.productId, other].map((productId) => ({ productId, quantity: 1 }))
  const { status, body } = await order.buy({ more: { items } })
  expect(status).toBe(201)
  return { id: body.order.id, other }
}

test('delivery learns what an order is worth before it is handed over: its plants, without fees and tax', async () => {
  const { id } = await twoKinds()
  await waitFor(() => order.peers.count('events', id) === 1, { describe: 'the event order.confirmed' })
  const [told] = order.peers.log.filter((call) => call.name === 'events' && call.orderId === id)
  expect(told?.body.data).toMatchObject({ valueCents: 2 * 3_500, parcels: 2 })
})

test('what the driver kept is seen on the order and claimed by itself; the refund is what it cost', async () => {
  const { id } = await twoKinds()
  await delivered(id, 1, kept())
  expect((await order.read(id)).body).toMatchObject({ status: 'delivered', undelivered: kept() })
  const [claim, ...others] = await claimsOf(id)
  expect(others).toEqual([])
  expect(claim).toMatchObject({ origin: 'driver', status: 'open', items: kept().items })
  expect(claim.reason).toContain('damaged')
  const refunded = await order.resolve(claim.id)
  expect(refunded.body.status).toBe('refunded')
  const { body: bought } = await order.read(id)
  expect(refunded.body.amountCents).toBeGreaterThanOrEqual(3_500)
  expect(refunded.body.amountCents).toBeLessThan(bought.totalCents / 2)
})

test('what the driver kept is sent again like any claim', async () => {
  const { id } = await twoKinds()
  await delivered(id, 1, kept())
  const [claim] = await claimsOf(id)
  const { body } = await order.resolve(claim.id, { action: 'redeliver' })
  expect(body.status).toBe('redelivering')
  const replacement = (await order.read(body.replacementOrderId)).body
  expect(replacement.lines).toMatchObject([{ productId: order.productId, quantity: 1 }])
})

test('where the driver did not say which plants, money is named by ops and nothing is sent blindly', async () => {
  const { id } = await twoKinds()
  await delivered(id, 1, kept({ items: [] }))
  const [claim] = await claimsOf(id)
  expect(claim.items).toEqual([])
  for (const action of ['refund', 'redeliver']) {
    expect((await order.resolve(claim.id, { action })).body.code).toBe('claim_items_unknown')
  }
  const refunded = await order.resolve(claim.id, { action: 'refund', amountCents: 700 })
  expect(refunded.body).toMatchObject({ status: 'refunded', amountCents: 700 })
})

test('the newest word of the driver counts, in any order and repeated: one claim, open or withdrawn', async () => {
  const story = [undefined, kept(), undefined, kept({ reason: 'wrong_goods' })]
  const indexes = fc.array(fc.nat(story.length - 1), { minLength: 1, maxLength: 7 })
  const property = fc.asyncProperty(indexes, async (arrivals) => {
    const { id } = await twoKinds()
    for (const index of arrivals) await delivered(id, index + 1, story[index])
    const said = story[Math.max(...arrivals)]
    expect((await order.read(id)).body.undelivered).toEqual(said)
    const claims = await claimsOf(id)
    expect(claims.length).toBeLessThanOrEqual(1)
    if (said !== undefined) expect(claims).toMatchObject([{ status: 'open', items: said.items }])
    if (said === undefined && claims.length > 0) expect(claims[0].status).toBe('withdrawn')
    if (said !== undefined) expect(claims[0].reason).toContain(said.reason)
  })
  await fc.assert(property, { numRuns: 20, examples: [[[1, 2]], [[3, 2, 1]], [[1, 2, 3]]] })
})

test('what ops has decided stays decided, whatever the driver says later', async () => {
  const { id } = await twoKinds()
  await delivered(id, 1, kept())
  const [claim] = await claimsOf(id)
  await order.resolve(claim.id, { action: 'reject' })
  await delivered(id, 2)
  await delivered(id, 3, kept({ reason: 'wrong_goods' }))
  expect(await claimsOf(id)).toMatchObject([{ status: 'rejected', reason: claim.reason }])
})

test('an order that is not delivered after all has nothing missing, and its driver claims nothing', async () => {
  const { id } = await twoKinds()
  await delivered(id, 1, kept())
  await order.tell('delivery.failed', { orderId: id, sequence: 2, reason: 'refused' })
  const { body } = await order.read(id)
  expect(body.status).toBe('delivery_failed')
  expect([body.undelivered, body.deliveredAt]).toEqual([undefined, undefined])
  expect(await claimsOf(id)).toMatchObject([{ status: 'withdrawn' }])
})
