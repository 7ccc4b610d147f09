import { newId } from '@urbanbloom/service-kit/ids'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { forgetOldKeys } from '../src/answer-store.ts'
import { type OrderUnderTest, startOrder } from './start-order.ts'
import { gate, payment } from './stub-peers.ts'

let order: OrderUnderTest
let other: Awaited<ReturnType<OrderUnderTest['replica']>>
beforeAll(async () => {
  order = await startOrder()
  other = await order.replica({})
})
beforeEach(() => order.peers.recover())
afterAll(async () => {
  await other.close()
  await order.close()
})

test('one key at two replicas at once buys once, and all get the same answer', async () => {
  const key = newId()
  const before = order.peers.log.length
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) => order.buy({ key, at: index % 2 === 0 ? order.url : other.url })),
  )
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201))
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
  const replayed = answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true')
  expect(replayed).toHaveLength(9)
  for (const name of ['reserveStock', 'holdDelivery', 'authorize'] as const) {
    expect(order.peers.log.slice(before).filter((call) => call.name === name)).toHaveLength(1)
  }
})

test('a second request waits as long as it may for the first, and then says so', async () => {
  const slow = gate()
  order.peers.answer(
    'authorize',
    slow.before(({ orderId }) => payment(orderId, 'authorized')),
  )
  const key = newId()
  const first = order.buy({ key })
  await slow.asked
  const impatient = await order.buy({ key, headers: { 'x-request-timeout-ms': '500' } })
  expect(impatient).toMatchObject({ status: 409, body: { code: 'idempotency_in_progress' } })
  expect(impatient.headers['retry-after']).toBe('2')
  const patient = order.buy({ key, at: other.url })
  slow.open()
  expect((await patient).body).toEqual((await first).body)
})

test('one key with another body is refused', async () => {
  const key = newId()
  await order.buy({ key })
  const { status, body } = await order.buy({ key, more: { giftMessage: 'For you' } })
  expect({ status, code: body.code }).toEqual({ status: 422, code: 'idempotency_key_reused' })
})

test('keys are forgotten after a day, but not while their checkout has no answer', async () => {
  const [old, young] = [newId(), newId()]
  await order.buy({ key: old })
  await order.buy({ key: young })
  const slow = gate()
  order.peers.answer(
    'authorize',
    slow.before(({ orderId }) => payment(orderId, 'authorized')),
  )
  const unanswered = newId()
  const first = order.buy({ key: unanswered })
  await slow.asked
  await order.ctx.db.query(
    `update idempotency_keys set created_at = now() - interval '25 hours' where key = any($1::text[])`,
    [[old, unanswered]],
  )
  await forgetOldKeys(order.ctx.db)
  const left = await order.ctx.db.query<{ key: string }>(
    'select key from idempotency_keys where key = any($1::text[])',
    [[old, young, unanswered]],
  )
  expect(left.map(({ key }) => key).toSorted()).toEqual([young, unanswered].toSorted())
  slow.open()
  await first
})
