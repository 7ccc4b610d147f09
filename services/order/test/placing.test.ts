import { newId } from '@urbanbloom/service-kit/ids'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type OrderUnderTest, startOrder } from './start-order.ts'
import { type CallName, gate, payment, refusal } from './stub-peers.ts'

let order: OrderUnderTest
beforeAll(async () => {
  order = await startOrder()
})
beforeEach(() => order.peers.recover())
afterAll(() => order.close())

const orderAskedFor = (name: CallName, from: number): string =>
  order.peers.log.slice(from).find((call) => call.name === name)?.orderId ?? ''

describe('participants refuse', () => {
  test.each([
    { refuses: ['reserveStock'], codes: ['out_of_stock'] },
    { refuses: ['holdDelivery'], codes: ['window_unavailable'] },
    { refuses: ['reserveStock', 'holdDelivery'], codes: ['out_of_stock', 'window_unavailable'] },
  ] as const)(
    '$codes: rejected, given back, no payment, the same answer again',
    async ({ refuses, codes }) => {
      const before = order.peers.log.length
      const code = { reserveStock: 'out_of_stock', holdDelivery: 'window_unavailable' }
      for (const name of refuses) order.peers.answer(name, () => refusal(409, code[name]))
      const key = newId()
      const { status, body } = await order.buy({ key })
      expect(status).toBe(409)
      expect(codes).toContain(body.code)

      const id = orderAskedFor('reserveStock', before)
      expect(await order.row(id)).toMatchObject({ status: 'rejected', saga_step: null })
      expect(order.peers.count('releaseStock', id)).toBe(1)
      expect(order.peers.count('releaseDelivery', id)).toBe(1)
      expect(order.peers.count('authorize', id) + order.peers.count('void', id)).toBe(0)

      order.peers.recover()
      const again = await order.buy({ key })
      expect(again).toMatchObject({ status: 409, body: { code: body.code } })
      expect(again.headers['idempotency-replayed']).toBe('true')
    },
  )

  test('a refusal counts more than a participant in doubt', async () => {
    order.peers.answer('reserveStock', () => refusal(504, 'timeout'))
    order.peers.answer('holdDelivery', () => refusal(409, 'window_unavailable'))
    expect(await order.buy()).toMatchObject({ status: 409, body: { code: 'window_unavailable' } })
  })
})

describe('one participant in doubt', () => {
  test.each(['reserveStock', 'holdDelivery'] as const)(
    '%s answers 503: nothing is charged, the key is free',
    async (name) => {
      const before = order.peers.log.length
      order.peers.answer(name, () => refusal(503, 'overloaded'))
      const key = newId()
      const first = await order.buy({ key })
      expect(first).toMatchObject({ status: 503, body: { code: 'checkout_interrupted' } })
      expect(first.headers['retry-after']).toBeDefined()
      const id = orderAskedFor(name, before)
      expect(await order.row(id)).toMatchObject({ status: 'rejected', saga_step: null })
      expect(order.peers.count('authorize', id)).toBe(0)
      expect(order.peers.count('releaseStock', id)).toBe(1)
      expect(order.peers.count('releaseDelivery', id)).toBe(1)

      order.peers.recover()
      const second = await order.buy({ key })
      expect(second.status).toBe(201)
      expect(second.body.order.id).not.toBe(id)
      expect(second.headers['idempotency-replayed']).toBeUndefined()
    },
  )

  test('one that does not answer in time: the same key buys afterwards', async () => {
    const hanging = gate()
    order.peers.answer(
      'holdDelivery',
      hanging.before(() => ({ status: 200, body: { status: 'held' } })),
    )
    const key = newId()
    const first = await order.buy({ key, headers: { 'x-request-timeout-ms': '400' } })
    expect(first).toMatchObject({ status: 503, body: { code: 'checkout_interrupted' } })
    // No time was left for giving back; recovery does it.
    const id = await hanging.asked
    expect(await order.row(id)).toMatchObject({ status: 'rejected', saga_step: 'unwinding' })
    await order.expireLease(id)
    await order.recover()
    expect(await order.row(id)).toMatchObject({ status: 'rejected', saga_step: null })
    hanging.open()
    order.peers.recover()
    expect((await order.buy({ key })).status).toBe(201)
  })
})

describe('the payment in doubt', () => {
  const interrupted = async (key: string) => {
    const before = order.peers.log.length
    order.peers.answer('authorize', () => refusal(504, 'timeout'))
    const answer = await order.buy({ key })
    expect(answer).toMatchObject({ status: 503, body: { code: 'checkout_in_doubt' } })
    const id = orderAskedFor('authorize', before)
    // Whether money is held is not known, so nothing is given back yet.
    expect(await order.row(id)).toMatchObject({ status: 'pending', saga_step: 'placing' })
    expect(order.peers.count('releaseStock', id) + order.peers.count('void', id)).toBe(0)
    await order.expireLease(id)
    return id
  }

  test('it was authorized: recovery confirms, and the key answers with that order', async () => {
    const key = newId()
    const id = await interrupted(key)
    await order.recover()
    expect(await order.row(id)).toMatchObject({ status: 'confirmed', saga_step: null })
    const again = await order.buy({ key })
    expect(again).toMatchObject({ status: 201, body: { order: { id, status: 'confirmed' } } })
    expect(order.peers.count('authorize', id)).toBe(1)
  })

  test('it never came: recovery rejects, voids, and the key may buy', async () => {
    const key = newId()
    const id = await interrupted(key)
    order.peers.answer('refresh', () => refusal(404, 'payment_not_found'))
    await order.recover()
    expect(await order.row(id)).toMatchObject({ status: 'rejected', saga_step: null })
    for (const name of ['void', 'releaseStock', 'releaseDelivery'] as const) {
      expect(order.peers.count(name, id)).toBe(1)
    }
    order.peers.recover()
    const again = await order.buy({ key })
    expect(again.status).toBe(201)
    expect(again.body.order.id).not.toBe(id)
  })

  test('it was declined: recovery rejects, and the key answers so', async () => {
    const key = newId()
    const id = await interrupted(key)
    order.peers.answer('refresh', ({ orderId }) => payment(orderId, 'declined'))
    await order.recover()
    expect(await order.row(id)).toMatchObject({ status: 'rejected', saga_step: null })
    expect(await order.buy({ key })).toMatchObject({ status: 402, body: { code: 'payment_declined' } })
  })

  test('payment still does not answer: the order stays as it is, for later', async () => {
    const id = await interrupted(newId())
    order.peers.answer('refresh', () => refusal(504, 'timeout'))
    await order.recover()
    expect(await order.row(id)).toMatchObject({ status: 'pending', saga_step: 'placing', takeovers: 1 })
  })
})

describe('a slow process wakes up after recovery has rejected its order', () => {
  test.each([
    { slow: 'authorize', late: ({ orderId }: { orderId: string }) => payment(orderId, 'authorized') },
    { slow: 'authorize', late: () => refusal(409, 'payment_voided') },
    { slow: 'authorize', late: ({ orderId }: { orderId: string }) => payment(orderId, 'requires_action') },
    { slow: 'holdDelivery', late: () => ({ status: 200, body: { status: 'held' } }) },
  ] as const)('$slow: it answers what was decided', async ({ slow, late: answerOf }) => {
    const late = gate()
    order.peers.answer(slow, late.before(answerOf))
    if (slow === 'holdDelivery') order.peers.answer('authorize', () => refusal(409, 'payment_voided'))
    order.peers.answer('refresh', () => refusal(404, 'payment_not_found'))
    const answer = order.buy()
    const id = await late.asked
    await order.expireLease(id)
    await order.recover()
    const decided = await order.row(id)
    expect(decided).toMatchObject({ status: 'rejected', saga_step: null, payment_status: 'voided' })

    late.open()
    expect(await answer).toMatchObject({ status: 503, body: { code: 'checkout_interrupted' } })
    expect(await order.row(id)).toEqual(decided)
    expect(order.peers.count('events', id)).toBe(0)
  })

  test('recovery has confirmed: the late process answers the confirmed order', async () => {
    const late = gate()
    order.peers.answer(
      'authorize',
      late.before(() => refusal(402, 'payment_declined')),
    )
    const answer = order.buy()
    const id = await late.asked
    await order.expireLease(id)
    await order.recover()
    late.open()
    expect(await answer).toMatchObject({ status: 201, body: { order: { id, status: 'confirmed' } } })
    expect(order.peers.count('void', id) + order.peers.count('releaseStock', id)).toBe(0)
  })
})

test('the window is asked for with what the order weighs and needs in the van', async () => {
  const before = order.peers.log.length
  await order.buy()
  const asked = order.peers.log.slice(before).find(({ name }) => name === 'lookUpWindow')
  const held = order.peers.log.slice(before).find(({ name }) => name === 'holdDelivery')
  expect(held?.body.weightGrams).toBeGreaterThan(0)
  expect(asked?.body.load).toEqual({
    weightGrams: held?.body.weightGrams,
    volumeMilliliters: held?.body.volumeMilliliters,
    transport: {},
  })
})
