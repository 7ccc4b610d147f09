import fc from 'fast-check'
import { afterAll, expect, it } from 'vitest'
import { at, sampleDelivery, sampleHub, sampleShift } from '../../test/sample-day.ts'
import type { Route } from '../dispatch/route.ts'
import { createGreatCircleTimes } from '../travel/travel-times.ts'
import type { Day } from './day.ts'
import { plannableOf } from './plannable.ts'
import { repairPart, wholeDay } from './repair-part.ts'
import { type SolverContext, solvePart } from './solve-part.ts'
import { createSolver } from './solver.ts'

const slotOf = (moment: Date) => Math.floor(moment.getTime() / 900_000)
const hub = { ...sampleHub, loadingVansPerSlot: 1 }

const solver = createSolver()
afterAll(() => solver.close())
const nothing = { observe: () => undefined }
const ctx = {
  travelTimes: createGreatCircleTimes(),
  solver,
  config: { planTimeLimitMs: 1_000 },
  metrics: { planSeconds: nothing, planGap: nothing },
} as unknown as SolverContext
const options = { timeLimitMs: 50, changePrices: null, lane: 'repair' as const }

/** A van for each delivery but the last, which is late; the vans leave a quarter of an hour apart. */
function dayWithLate(vans: number): Day {
  const deliveries = Array.from({ length: vans + 1 }, (_, index) =>
    sampleDelivery(`order ${index}`, 12, 0.004 * index),
  )
  const shifts = Array.from({ length: vans }, (_, index) => sampleShift(`shift ${index}`))
  const routes = shifts.map((shift, index) => {
    const plannedArrival = at(12 + index / 10)
    const stop = { ...deliveries[index], plannedArrival, pin: null, status: 'pending' }
    const startsAt = at(11.9 - index / 4)
    return { id: shift.id, shiftId: shift.id, status: 'planned', startsAt, endsAt: at(14), stops: [stop] }
  })
  return {
    hub,
    date: '2026-06-10',
    startsAt: at(0),
    shifts,
    deliveries,
    routes: routes as unknown as Route[],
  }
}

it('a repair knows when the vans leave that it does not plan', () => {
  const day = dayWithLate(8)
  const part = repairPart(day, plannableOf(day, at(6)))
  if (part?.shiftIds === null || part === null) throw new Error('There is nothing to repair')
  const kept = day.routes.filter(({ shiftId }) => !part.shiftIds?.has(shiftId))
  expect(kept).toHaveLength(4)
  expect(part.leaving).toEqual(kept.map(({ startsAt }) => startsAt))
})

it('a repaired route leaves in a loading slot that the vans that stay as they are leave free', async () => {
  const day = dayWithLate(8)
  const part = repairPart(day, plannableOf(day, at(6)))
  if (part === null) throw new Error('There is nothing to repair')
  const alone = await solvePart(ctx, { ...part, leaving: [] }, options)
  const wanted = alone.plan.routes.map(({ startsAt }) => startsAt)
  const taken = new Set(wanted.map(slotOf))
  const { plan } = await solvePart(ctx, { ...part, leaving: wanted }, options)
  expect(plan.unassigned).toEqual([])
  expect(plan.routes).toHaveLength(wanted.length)
  for (const { startsAt } of plan.routes) expect(taken.has(slotOf(startsAt))).toBe(false)
})

it('what would leave when the hub can load no more vans is left out with the reason', async () => {
  const day = dayWithLate(8)
  const part = repairPart(day, plannableOf(day, at(6)))
  if (part === null) throw new Error('There is nothing to repair')
  const everySlot = Array.from({ length: 60 }, (_, index) => at(7 + index / 4))
  const { plan } = await solvePart(ctx, { ...part, leaving: everySlot }, options)
  expect(plan.routes).toEqual([])
  expect(plan.unassigned).toHaveLength(part.plannable.deliveries.length)
  expect(plan.unassigned[0]?.reason).toContain('cannot load another van')
})

it('no plan keeps plants in a van for longer than they take, and none stays behind that an idle van could bring', async () => {
  const sensitive = fc.record({ minutes: fc.integer({ min: 5, max: 60 }), north: fc.nat({ max: 50 }) })
  const days = fc.record({
    orders: fc.array(sensitive, { minLength: 1, maxLength: 6 }),
    perSlot: fc.constantFrom(1, 2),
    left: fc.array(fc.integer({ min: 40, max: 56 }), { maxLength: 6 }),
  })
  let leftOut = 0
  const property = fc.asyncProperty(days, async ({ orders, perSlot, left }) => {
    const empty = dayWithLate(8)
    const deliveries = orders.map(({ minutes, north }, index) => ({
      ...sampleDelivery(`order ${index}`, 12, north / 1_000),
      transport: { maxVanMinutes: minutes },
    }))
    const day = { ...empty, deliveries, routes: [], hub: { ...hub, loadingVansPerSlot: perSlot } }
    const leaving = left.map((quarter) => at(quarter / 4))
    const plannable = plannableOf(day, at(6))
    const { plan } = await solvePart(
      ctx,
      { ...wholeDay(day, plannable), leaving },
      { ...options, timeLimitMs: 10 },
    )
    const limitOf = (orderId: string) => orders[Number(orderId.slice(6))]!.minutes * 60_000
    for (const { startsAt, stops } of plan.routes) {
      for (const { orderId, plannedArrival } of stops) {
        expect(plannedArrival.getTime() - startsAt.getTime()).toBeLessThanOrEqual(limitOf(orderId))
      }
    }
    const planned = plan.routes.flatMap(({ stops }) => stops.map(({ orderId }) => orderId))
    const mentioned = [...planned, ...plan.unassigned.map(({ orderId }) => orderId)]
    expect(mentioned.toSorted()).toEqual(deliveries.map(({ orderId }) => orderId))
    // Asked alone, with the vans and the slots that are left, each order stays behind again.
    const used = new Set(plan.routes.map(({ shiftId }) => shiftId))
    const idle = plannable.shifts.filter(({ id }) => !used.has(id))
    for (const { orderId } of plan.unassigned) {
      leftOut += 1
      const alone = {
        ...plannable,
        shifts: idle,
        deliveries: deliveries.filter((each) => each.orderId === orderId),
      }
      const rest = {
        ...wholeDay(day, alone),
        leaving: [...leaving, ...plan.routes.map(({ startsAt }) => startsAt)],
      }
      const again = await solvePart(ctx, rest, { ...options, timeLimitMs: 5 })
      expect(again.plan.routes).toEqual([])
    }
  })
  await fc.assert(property, { numRuns: 60, seed: 1 })
  expect(leftOut).toBeGreaterThan(20)
})
