import { newId } from '@urbanbloom/service-kit/ids'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { claimStalledOrders } from '../src/saga-store.ts'
import { LEASE_MS, type OrderUnderTest, startOrder } from './start-order.ts'
import { payment, refusal } from './stub-peers.ts'

let order: OrderUnderTest
let other: Awaited<ReturnType<OrderUnderTest['replica']>>
const PAYMENT_LIMIT_MS = 300
beforeAll(async () => {
  order = await startOrder()
  // Another replica, at which customers have to be quick with the bank.
  other = await order.replica({ PAYMENT_ACTION_LIMIT_MS: String(PAYMENT_LIMIT_MS) })
})
beforeEach(() => order.peers.recover())
afterAll(async () => {
  await other.close()
  await order.close()
})

describe('a payment that the customer does not approve', () => {
  beforeEach(() => {
    order.peers.answer('authorize', ({ orderId }) => payment(orderId, 'requires_action'))
    order.peers.answer('refresh', ({ orderId }) => payment(orderId, 'requires_action'))
  })

  test('is waited for until the limit', async () => {
    const { body } = await order.buy()
    await order.expireLease(body.order.id)
    await order.recover()
    expect(await order.row(body.order.id)).toMatchObject({
      status: 'payment_action_required',
      saga_step: 'awaiting_payment',
      takeovers: 1,
    })
    expect(order.peers.count('void', body.order.id)).toBe(0)
  })

  test('is voided at the limit, and the order rejected and unwound', async () => {
    const { status, body } = await order.buy({ at: other.url })
    expect(status).toBe(202)
    const { id } = body.order
    await waitFor(
      async () => {
        await other.recover()
        return (await order.row(id)).saga_step === null
      },
      { describe: 'the order is rejected', timeoutMs: 5_000 },
    )
    expect(await order.row(id)).toMatchObject({ status: 'rejected', payment_status: 'voided' })
    expect((await order.read(id)).body.rejection.code).toBe('payment_action_expired')
    for (const name of ['void', 'releaseStock', 'releaseDelivery'] as const) {
      expect(order.peers.count(name, id)).toBe(1)
    }
  })

  test('that is approved in the last moment is kept', async () => {
    const { body } = await order.buy({ at: other.url })
    const { id } = body.order
    await order.ctx.db.query(
      `update orders set action_deadline = now() - interval '1 minute', lease_until = now() where id = $1`,
      [id],
    )
    order.peers.answer('refresh', ({ orderId }) => payment(orderId, 'authorized'))
    await order.recover()
    expect(await order.row(id)).toMatchObject({ status: 'confirmed', saga_step: null })
  })
})

describe('unwinding', () => {
  test.each(['releaseStock', 'releaseDelivery', 'void'] as const)(
    'that fails at %s is finished by recovery',
    async (name) => {
      const key = newId()
      const before = order.peers.log.length
      order.peers.answer('authorize', ({ orderId }) => payment(orderId, 'declined'))
      order.peers.answer(name, () => refusal(504, 'timeout'))
      expect(await order.buy({ key })).toMatchObject({ status: 402, body: { code: 'payment_declined' } })
      const id = order.peers.log.slice(before).find((call) => call.name === 'authorize')?.orderId ?? ''
      expect(await order.row(id)).toMatchObject({ status: 'rejected', saga_step: 'unwinding' })

      order.peers.recover()
      await order.recover()
      expect(await order.row(id), 'the lease has not run out').toMatchObject({ saga_step: 'unwinding' })
      await order.expireLease(id)
      await order.recover()
      expect(await order.row(id)).toMatchObject({ saga_step: null, payment_status: 'voided' })
      expect(order.peers.count(name, id)).toBe(2)
    },
  )

  test('that keeps failing is tried ever more rarely', async () => {
    const id = await stalled()
    order.peers.answer('releaseStock', () => refusal(504, 'timeout'))
    for (const factor of [1, 2, 4, 8, 16, 32, 64, 64]) {
      await order.expireLease(id)
      await order.recover()
      const { lease_left_ms: left, saga_step: step } = await order.row(id)
      expect(step).toBe('unwinding')
      expect(Number(left) / LEASE_MS).toBeGreaterThan(factor * 0.7)
      expect(Number(left) / LEASE_MS).toBeLessThanOrEqual(factor)
    }
  })
})

describe('two replicas', () => {
  test('never drive the same order at once', async () => {
    const ids = await Promise.all(Array.from({ length: 40 }, () => stalled()))
    const turns = Array.from({ length: 6 }, () => [order.recover(), other.recover()]).flat()
    await Promise.all(turns)
    for (const id of ids) {
      expect(await order.row(id)).toMatchObject({ saga_step: null, takeovers: 1 })
      expect(order.peers.count('releaseStock', id)).toBe(1)
    }
  })

  test('share stalled orders out, each to one claim', async () => {
    const ids = await Promise.all(Array.from({ length: 60 }, () => stalled()))
    const claims = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        claimStalledOrders((index % 2 === 0 ? order : other).ctx.db, { limit: 5, leaseMs: LEASE_MS }),
      ),
    )
    const claimed = claims.flat()
    expect(new Set(claimed).size).toBe(claimed.length)
    expect(claims.every((claim) => claim.length <= 5)).toBe(true)
    // What others held at that moment was skipped, and is there for the next turn.
    const rest = await claimStalledOrders(order.ctx.db, { limit: 100, leaseMs: LEASE_MS })
    expect([...claimed, ...rest].toSorted()).toEqual(ids.toSorted())
  })

  test('an order that one is claiming is skipped by the other, which does not wait', async () => {
    const [first, second] = [await stalled(), await stalled()]
    await order.ctx.db.transaction(async (tx) => {
      const options = { limit: 1, leaseMs: LEASE_MS }
      const mine = await claimStalledOrders(tx, options)
      const theirs = await claimStalledOrders(other.ctx.db, options)
      expect([...mine, ...theirs].toSorted()).toEqual([first, second].toSorted())
    })
  })
})

/** A rejected order whose process died before it gave anything back. */
async function stalled(): Promise<string> {
  const id = newId()
  await order.ctx.db.query(
    `insert into orders (id, customer_id, status, rejection, saga_step, lease_until, currency, subtotal_cents,
       delivery_fee_cents, tax_cents, total_cents, window_id, window_start, window_end, weight_grams,
       volume_milliliters, address)
     values ($1, $1, 'rejected', '{"kind": "declined", "code": "payment_declined", "detail": "", "extra": {}}',
       'unwinding', now() - interval '1 second', 'USD', 100, 0, 0, 100, $1, now(), now() + interval '1 hour', 1, 1,
       '{}')`,
    [id],
  )
  return id
}
