import { newId } from '@urbanbloom/service-kit/ids'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sweepExpiredHolds } from '../src/deliveries/sweep-expired-holds.ts'
import {
  confirmedEvent,
  createHub,
  createWorld,
  expecting,
  hold,
  placeOrder,
  release,
  statusOf,
  tomorrow,
  type World,
  windowsOf,
} from './world.ts'

describe('holding a window', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ env: { HOLD_LIMIT_MS: '600000', SWEEP_INTERVAL_MS: '3600000' } })
  })
  afterAll(() => world.close())

  /** A window of a hub of its own, somewhere no other hub of this file delivers. */
  let hubs = 0
  async function freshWindow(capacity: number) {
    hubs += 1
    const at = { latitude: -40 + hubs * 0.5, longitude: 20 }
    await createHub(world, { ...at, windowCapacity: capacity, serviceRadiusMeters: 1_000 })
    const list = () => windowsOf(world, tomorrow(), at)
    return { at, list, windowId: (await list())[0]?.id ?? '' }
  }

  async function countsOf(windowId: string) {
    const [row] = await world.db.query<{ held: number; capacity: number; holding: number }>(
      `select held, capacity, (select count(*) from deliveries where window_id = w.id and holds_capacity) as holding
       from delivery_windows w where id = $1`,
      [windowId],
    )
    return row ?? { held: -1, capacity: -1, holding: -1 }
  }

  it('takes one place for one order, however often and however concurrently it is asked', async () => {
    const { windowId } = await freshWindow(5)
    const order = { orderId: newId(), customerId: newId(), windowId }
    const answers = await Promise.all(Array.from({ length: 12 }, () => hold(world, order)))
    expect(answers.map(({ status, body }) => [status, body.status])).toEqual(
      Array.from({ length: 12 }, () => [200, 'held']),
    )
    expect(await countsOf(windowId)).toEqual({ held: 1, capacity: 5, holding: 1 })
  })

  it('gives 5 places to 5 of 40 orders that ask at once', async () => {
    const { windowId, list } = await freshWindow(5)
    const answers = await Promise.all(
      Array.from({ length: 40 }, () => hold(world, { orderId: newId(), windowId })),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5)
    const refused = answers.filter(({ status }) => status !== 200)
    expect(new Set(refused.map(({ status, body }) => `${status} ${body.code}`))).toEqual(
      new Set(['409 window_unavailable']),
    )
    expect(await countsOf(windowId)).toEqual({ held: 5, capacity: 5, holding: 5 })
    await waitFor(async () => (await list())[0]?.available === false, { describe: 'the list to say full' })
  })

  it('offers a place again as soon as it was returned', async () => {
    const { windowId, list, at } = await freshWindow(1)
    const [window] = await list()
    const orderId = newId()
    await expecting(200, hold(world, { orderId, windowId }))
    await waitFor(async () => (await list())[0]?.available === false, { describe: 'the list to say full' })
    const lookup = { ...at, start: window?.start, end: window?.end }
    expect((await world.internal('/internal/windows/lookup', lookup)).body.code).toBe('window_unavailable')
    await expecting(200, release(world, orderId))
    await waitFor(async () => (await list())[0]?.available === true, { describe: 'the list to say free' })
    expect((await world.internal('/internal/windows/lookup', lookup)).body).toMatchObject({
      window: { id: windowId, available: true },
      baseFeeCents: 599,
    })
  })

  it('returns a place exactly once, however many releases come at once', async () => {
    const { windowId } = await freshWindow(3)
    const orderId = newId()
    await expecting(200, hold(world, { orderId, windowId }))
    await expecting(200, hold(world, { orderId: newId(), windowId }))
    const answers = await Promise.all(Array.from({ length: 10 }, () => release(world, orderId)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(await countsOf(windowId)).toEqual({ held: 1, capacity: 3, holding: 1 })
  })

  it('refuses a hold that arrives after the order was given up', async () => {
    const { windowId } = await freshWindow(3)
    const order = { orderId: newId(), customerId: newId(), windowId }
    expect((await release(world, order.orderId)).body).toEqual({ status: 'released' })
    const answer = await hold(world, order)
    expect([answer.status, answer.body.code]).toEqual([409, 'delivery_released'])
    await expecting(204, world.internal('/internal/events', confirmedEvent(order)))
    expect(await statusOf(world, order.orderId)).toBe('released')
    expect((await countsOf(windowId)).held).toBe(0)
  })

  it('refuses unknown windows and windows that have begun', async () => {
    const { windowId } = await freshWindow(3)
    expect((await hold(world, { orderId: newId(), windowId: newId() })).body.code).toBe('window_unavailable')
    await world.db.query(
      `update delivery_windows set starts_at = now() - interval '1 minute', ends_at = now() + interval '1 hour'
       where id = $1`,
      [windowId],
    )
    expect((await hold(world, { orderId: newId(), windowId })).body.code).toBe('window_unavailable')
    expect((await countsOf(windowId)).held).toBe(0)
  })

  it('keeps the promise of a confirmed order whose hold never came, and counts it where there is room', async () => {
    const { windowId } = await freshWindow(1)
    const order = () => ({ orderId: newId(), customerId: newId(), windowId })
    const [first, second] = [order(), order()]
    await expecting(204, world.internal('/internal/events', confirmedEvent(first)))
    await expecting(204, world.internal('/internal/events', confirmedEvent(second)))
    expect(await statusOf(world, second.orderId)).toBe('confirmed')
    expect(await countsOf(windowId)).toEqual({ held: 1, capacity: 1, holding: 1 })
    expect((await hold(world, first)).body).toEqual({ status: 'confirmed' })
    await expecting(200, release(world, second.orderId))
    expect((await countsOf(windowId)).held).toBe(1)
    await expecting(200, release(world, first.orderId))
    expect((await countsOf(windowId)).held).toBe(0)
  })

  it('never counts more or less than it holds, whatever comes in whatever order', async () => {
    const step = fc.record({
      what: fc.constantFrom('hold' as const, 'confirm' as const, 'release' as const),
      order: fc.nat({ max: 5 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 3 }),
        fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 5 }),
        async (capacity, rounds) => {
          const { windowId } = await freshWindow(capacity)
          const orders = Array.from({ length: 6 }, () => ({
            orderId: newId(),
            customerId: newId(),
            windowId,
          }))
          for (const round of rounds) {
            const answers = await Promise.all(
              round.map(({ what, order }) => {
                const given = orders[order] ?? orders[0]
                if (given === undefined) throw new Error('no order')
                if (what === 'hold') return hold(world, given)
                if (what === 'release') return release(world, given.orderId)
                return world.internal('/internal/events', confirmedEvent(given))
              }),
            )
            for (const [index, { status, body }] of answers.entries()) {
              const allowed = { hold: [200, 409], confirm: [204], release: [200] }[
                round[index]?.what ?? 'hold'
              ]
              expect(allowed, JSON.stringify(body)).toContain(status)
            }
            const { held, holding } = await countsOf(windowId)
            expect(held).toBe(holding)
            expect(held).toBeGreaterThanOrEqual(0)
            expect(held).toBeLessThanOrEqual(capacity)
          }
          for (const { orderId } of orders) await expecting(200, release(world, orderId))
          expect((await countsOf(windowId)).held).toBe(0)
        },
      ),
      { numRuns: 25 },
    )
  })

  it('applies an event once and refuses what is none', async () => {
    const { windowId } = await freshWindow(3)
    const order = { orderId: newId(), customerId: newId(), windowId }
    await expecting(200, hold(world, order))
    const event = confirmedEvent(order)
    const answers = await Promise.all([1, 2, 3].map(() => world.internal('/internal/events', event)))
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204])
    expect(await statusOf(world, order.orderId)).toBe('confirmed')
    expect((await world.internal('/internal/events', { ...event, type: 'order.eaten' })).status).toBe(400)
    expect((await world.call('POST', '/internal/events', world.ops, event)).status).toBe(401)
  })

  describe('that has expired', () => {
    const expire = (orderId: string) =>
      world.db.query(`update deliveries set expires_at = now() - interval '1 second' where order_id = $1`, [
        orderId,
      ])

    it('is let go only when order says that the order has ended or never was', async () => {
      const { windowId } = await freshWindow(4)
      const outcomes = ['open', 'ended', 'unknown', 'confirmed'] as const
      const orders = outcomes.map(() => ({ orderId: newId(), customerId: newId(), windowId }))
      for (const [index, order] of orders.entries()) {
        await expecting(200, hold(world, order))
        await expire(order.orderId)
        const outcome = outcomes[index] ?? 'open'
        if (outcome === 'confirmed') {
          await expecting(204, world.internal('/internal/events', confirmedEvent(order)))
        } else world.peers.outcomes.set(order.orderId, outcome)
      }
      await sweepExpiredHolds(world.ctx)
      const statuses = await Promise.all(orders.map(({ orderId }) => statusOf(world, orderId)))
      expect(statuses).toEqual(['held', 'released', 'released', 'confirmed'])
      expect((await countsOf(windowId)).held).toBe(2)
      const [open] = await world.db.query<{ later: boolean }>(
        'select expires_at > now() as later from deliveries where order_id = $1',
        [orders[0]?.orderId],
      )
      expect(open?.later).toBe(true)
    })

    it('stays while order does not answer', async () => {
      const { windowId } = await freshWindow(1)
      const orderId = newId()
      await expecting(200, hold(world, { orderId, windowId }))
      await expire(orderId)
      world.peers.outcomes.set(orderId, 'ended')
      world.peers.failures.set('/order/internal/orders/outcomes', { status: 500, code: 'internal_error' })
      await expect(sweepExpiredHolds(world.ctx)).rejects.toThrow('order answered 500')
      expect(await statusOf(world, orderId)).toBe('held')
      world.peers.failures.clear()
      await sweepExpiredHolds(world.ctx)
      expect(await statusOf(world, orderId)).toBe('released')
    })
  })

  it('lets go of a delivery that is not planned yet', async () => {
    const { windowId } = await freshWindow(1)
    const { orderId } = await placeOrder(world, windowId)
    await expecting(200, release(world, orderId))
    expect((await countsOf(windowId)).held).toBe(0)
  })

  it('refuses bodies that are not what the contract says', async () => {
    const good = {
      orderId: newId(),
      customerId: newId(),
      windowId: newId(),
      weightGrams: 1,
      volumeMilliliters: 1,
    }
    const bad = [
      { ...good, weightGrams: -1 },
      { ...good, weightGrams: 1.5 },
      { ...good, orderId: 'x' },
      { ...good, more: 1 },
      {},
    ]
    for (const body of bad) {
      expect((await world.internal('/internal/deliveries', body)).body.code).toBe('validation_failed')
    }
    expect((await world.internal('/internal/deliveries/x/release', {})).status).toBe(400)
    expect((await world.call('POST', '/internal/deliveries', undefined, good)).status).toBe(401)
  })
})
