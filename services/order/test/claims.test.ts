import { request } from '@urbanbloom/test-kit/http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type OrderUnderTest, startOrder } from './start-order.ts'
import { gate, refusal } from './stub-peers.ts'

let order: OrderUnderTest
beforeAll(async () => {
  order = await startOrder()
})
beforeEach(() => order.peers.recover())
afterAll(() => order.close())

/** A delivered order of one plant for 35.00 with a claim on it. */
async function claimed() {
  const orderId = await order.confirmed()
  const deliveredAt = '2030-05-01T15:00:00.000Z'
  await order.tell('delivery.delivered', { orderId, sequence: 1, deliveredAt })
  const { status, body } = await order.claim(orderId)
  expect(status).toBe(201)
  return { orderId, claimId: body.id as string }
}

const refund = (status: string) => ({
  status: 200,
  body: { id: '00000000-0000-4000-8000-000000000000', status, amountCents: 1 },
})
const statusOf = async (claimId: string) =>
  (await order.ctx.db.query<{ status: string }>('select status from claims where id = $1', [claimId]))[0]
    ?.status
const keysFor = (orderId: string) =>
  order.peers.log
    .filter((call) => call.name === 'refund' && call.orderId === orderId)
    .map((call) => call.body.idempotencyKey as string)

test('a refund that the provider has not confirmed is asked for again until it is', async () => {
  const { orderId, claimId } = await claimed()
  order.peers.answer('refund', () => refund('pending'))
  expect(await order.resolve(claimId)).toMatchObject({ status: 200, body: { status: 'resolving' } })
  order.peers.recover()
  await waitFor(async () => (await statusOf(claimId)) === 'refunded', {
    describe: 'the claim is refunded',
    timeoutMs: 15_000,
  })
  // Always under one key, so that it is paid once.
  expect(new Set(keysFor(orderId)).size).toBe(1)
})

test('a refund that payment refuses opens the claim again, and the next try is a new one', async () => {
  const { orderId, claimId } = await claimed()
  order.peers.answer('refund', () => refusal(422, 'refund_exceeds_payment'))
  const { status, body } = await order.resolve(claimId)
  // Where the job was quicker than the request, that finds the claim open again.
  expect(status === 422 ? body.code : body.status).toBe(status === 422 ? 'refund_exceeds_payment' : 'open')
  expect(await statusOf(claimId)).toBe('open')
  order.peers.recover()
  expect(await order.resolve(claimId)).toMatchObject({ status: 200, body: { status: 'refunded' } })
  expect(keysFor(orderId).at(-1)).not.toBe(keysFor(orderId)[0])
})

test('two decisions at once: one counts, one payment', async () => {
  const { orderId, claimId } = await claimed()
  const answers = await Promise.all([order.resolve(claimId), order.resolve(claimId)])
  expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(['200', '409'])
  expect(new Set(keysFor(orderId)).size).toBe(1)
})

test('a refusal that arrives late does not open a claim whose next refund is under way', async () => {
  const { orderId, claimId } = await claimed()
  const [lateRefusal, slowRefund] = [gate(), gate()]
  const refuseLate = lateRefusal.before(() => refusal(422, 'refund_exceeds_payment'))
  const payLate = slowRefund.before(() => refund('succeeded'))
  order.peers.answer('refund', (call) => {
    if (call.body.idempotencyKey !== keysFor(orderId)[0]) return payLate(call)
    return keysFor(orderId).length === 1 ? refuseLate(call) : refusal(422, 'refund_exceeds_payment')
  })
  const first = order.resolve(claimId)
  await lateRefusal.asked
  await waitFor(async () => (await statusOf(claimId)) === 'open', { describe: 'the job was refused' })
  const second = order.resolve(claimId)
  await slowRefund.asked
  lateRefusal.open()
  expect((await first).status).toBe(422)
  slowRefund.open()
  expect(await second).toMatchObject({ status: 200, body: { status: 'refunded' } })
  expect(await statusOf(claimId)).toBe('refunded')
})

const makeGood = [{ action: 'refund' }, { action: 'redeliver' }]

test('the same plants are claimed once, also by two requests at once, until the claim on them is rejected', async () => {
  const orderId = await order.confirmed()
  const deliveredAt = '2030-05-01T15:00:00.000Z'
  await order.tell('delivery.delivered', { orderId, sequence: 1, deliveredAt })
  const answers = await Promise.all([order.claim(orderId), order.claim(orderId), order.claim(orderId)])
  expect(answers.map(({ status, body }) => String(body.code ?? status)).toSorted()).toEqual([
    '201',
    'plants_claimed_already',
    'plants_claimed_already',
  ])
  const claimId = answers.find(({ status }) => status === 201)?.body.id
  await order.resolve(claimId, { action: 'reject' })
  const again = await order.claim(orderId)
  expect(again.status).toBe(201)
  await order.resolve(again.body.id)
  expect((await order.claim(orderId)).body.code).toBe('plants_claimed_already')
})

test('of three plants of a kind three can be claimed, in parts', async () => {
  const items = (quantity: number) => [{ productId: order.productId, quantity }]
  const { body } = await order.buy({ more: { items: items(3) } })
  const orderId: string = body.order.id
  await order.tell('delivery.delivered', { orderId, sequence: 1, deliveredAt: '2030-05-01T15:00:00.000Z' })
  const claim = async (quantity: number) => {
    const answer = await request('POST', `${order.url}/v1/orders/${orderId}/claims`, {
      token: order.token,
      body: { reason: 'Wilted', items: items(quantity) },
    })
    return answer.body.code ?? answer.status
  }
  const answers = []
  for (const quantity of [4, 2, 2, 1, 1]) answers.push(await claim(quantity))
  expect(answers).toEqual([
    'claim_exceeds_order',
    201,
    'plants_claimed_already',
    201,
    'plants_claimed_already',
  ])
})

test.each(makeGood.flatMap((first) => makeGood.map((second) => [first, second] as const)))(
  'what a customer and a driver claim alike is made good once: %o, then %o',
  async (first, second) => {
    const { orderId, claimId } = await claimed()
    await order.tell('delivery.delivered', {
      orderId,
      sequence: 2,
      deliveredAt: '2030-05-01T15:00:00.000Z',
      undelivered: { parcels: 1, reason: 'damaged', items: [{ productId: order.productId, quantity: 1 }] },
    })
    const [driver] = await order.ctx.db.query<{ id: string }>(
      `select id from claims where order_id = $1 and origin = 'driver'`,
      [orderId],
    )
    const driverId = driver?.id ?? ''
    // Both at once, and then each again.
    const answers = await Promise.all([order.resolve(claimId, first), order.resolve(driverId, second)])
    expect(answers.map(({ body }) => String(body.code ?? 'made good')).toSorted()).toEqual([
      'made good',
      'plants_made_good',
    ])
    const [open] = answers[0].status === 200 ? [driverId] : [claimId]
    for (const action of makeGood) {
      expect((await order.resolve(open, action)).body.code).toBe('plants_made_good')
    }
    expect((await order.resolve(open, { action: 'reject' })).body.status).toBe('rejected')
  },
)
