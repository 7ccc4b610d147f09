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
