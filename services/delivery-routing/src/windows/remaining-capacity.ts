import type { OrderLoad } from '@urbanbloom/contracts/delivery'
import type { Context } from '../context.ts'
import { serviceSecondsFor, skillsFor } from '../dispatch/route.ts'
import type { Hub } from '../fleet/hub.ts'
import type { Point } from '../geo.ts'
import { localDateAt } from '../local-date.ts'
import type { Day } from '../planning/day.ts'
import { readDay } from '../planning/day-store.ts'
import { hasPublishedPlan } from '../planning/plan-store.ts'
import { type Plannable, plannableOf } from '../planning/plannable.ts'
import { createFleetSlack, type VanDay, type Visit } from './fleet-slack.ts'
import type { DeliveryWindow } from './window-store.ts'

/** How long the picture of a day is kept; what is sold meanwhile is guarded by the counters. */
const FRESH_MS = 5_000
/** Longer than this nobody waits for it; the window's counter decides then. */
const BUDGET_MS = 400
const DAYS_KEPT_AT_MOST = 200
/** Far more than a hub delivers in a day; then the counters decide. */
const DELIVERIES_AT_MOST = 2_000
/** Of an order that nobody knows yet, where the day has none to learn from. */
const USUAL: OrderLoad = { weightGrams: 5_000, volumeMilliliters: 15_000, transport: {} }

type Picture = { fits: (point: Point, window: DeliveryWindow, load?: OrderLoad) => boolean } | null

/** Pictures of days, by hub and date, made once for all who ask in the same seconds. */
const pictures = new WeakMap<Context, Map<string, { at: number; picture: Promise<Picture> }>>()

/**
 * Which of these windows have a van that could still bring this load to this place: one more stop fits into the plan
 * that is in force, with all that was sold since, or for hubs that ask for it, into the shifts of a day without a plan;
 * for other hubs such a day only needs a van that could carry this load, at whatever hour. A day without shifts is not
 * staffed yet, and says nothing. Nor does a check that fails or takes too long: then a window is open as long as its
 * counter is.
 */
export async function windowsWithRoom(
  ctx: Context,
  hub: Hub,
  point: Point,
  windows: readonly DeliveryWindow[],
  load?: OrderLoad,
): Promise<Set<string>> {
  const open = new Set(windows.map(({ id }) => id))
  if (hub.capacityCheck === 'counter') return open
  const byDate = Map.groupBy(
    windows.filter(({ full }) => !full),
    ({ start }) => localDateAt(new Date(start), hub.timeZone),
  )
  for (const [date, ofDay] of byDate) {
    const picture = await pictureInTime(ctx, hub, date)
    for (const window of ofDay) {
      if (picture !== null && !picture.fits(point, window, load)) open.delete(window.id)
    }
  }
  return open
}

async function pictureInTime(ctx: Context, hub: Hub, date: string): Promise<Picture> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), BUDGET_MS)
  })
  try {
    const picture = await Promise.race([cachedPicture(ctx, hub, date), late])
    if (picture !== 'late') return picture
    ctx.metrics.capacityChecks.inc({ outcome: 'late' })
    return null
  } catch (err) {
    ctx.log.warn({ err, hubId: hub.id, date }, 'what is left of a day is not known; the counters decide')
    ctx.metrics.capacityChecks.inc({ outcome: 'failed' })
    return null
  } finally {
    clearTimeout(timer)
  }
}

function cachedPicture(ctx: Context, hub: Hub, date: string): Promise<Picture> {
  let known = pictures.get(ctx)
  if (known === undefined) pictures.set(ctx, (known = new Map()))
  const key = `${hub.id}/${date}`
  const cached = known.get(key)
  if (cached !== undefined && performance.now() - cached.at < FRESH_MS) return cached.picture
  if (known.size >= DAYS_KEPT_AT_MOST) known.clear()
  const picture = takePicture(ctx, hub, date)
  known.set(key, { at: performance.now(), picture })
  picture.catch(() => known.delete(key))
  return picture
}

/** For tests, and for whoever has just put a plan in force in this process. */
export function forgetPictures(ctx: Context): void {
  pictures.get(ctx)?.clear()
}

async function takePicture(ctx: Context, hub: Hub, date: string): Promise<Picture> {
  const isPlanned = await hasPublishedPlan(ctx.db, { hubId: hub.id, date })
  const day = await readDay(ctx.db, hub.id, date)
  if (day === null || day.shifts.length === 0 || day.deliveries.length > DELIVERIES_AT_MOST) return null
  const startedAt = performance.now()
  const plannable = plannableOf(day, ctx.now())
  if (!isPlanned && hub.capacityCheck !== 'fleet') {
    const fits = (load?: OrderLoad) => load === undefined || day.shifts.some((shift) => canCarry(shift, load))
    return { fits: (_point, _window, load) => fits(load) }
  }
  const slack = createFleetSlack(hub, vansOf(day, plannable))
  const placed = new Set(day.routes.flatMap(({ stops }) => stops.map(({ orderId }) => orderId)))
  for (const delivery of plannable.deliveries) {
    if (placed.has(delivery.orderId)) continue
    slack.add(visitFor(delivery.address, { start: delivery.windowStart, end: delivery.windowEnd }, delivery))
  }
  const usual = usualLoad(day)
  ctx.metrics.capacitySeconds.observe((performance.now() - startedAt) / 1000)
  ctx.metrics.capacityChecks.inc({ outcome: 'done' })
  return {
    fits: (point, { start, end }, load = usual) =>
      slack.fits(visitFor(point, { start: new Date(start), end: new Date(end) }, { ...load, parcels: 1 })),
  }
}

function canCarry({ capacity, skills }: Day['shifts'][number], load: OrderLoad): boolean {
  return (
    load.weightGrams <= capacity.weightGrams &&
    load.volumeMilliliters <= capacity.volumeMilliliters &&
    skillsFor(load.transport).every((skill) => skills.includes(skill))
  )
}

function visitFor(
  point: Point,
  window: { start: Date; end: Date },
  load: OrderLoad & { parcels: number },
): Visit {
  return {
    point,
    legSeconds: null,
    serviceSeconds: serviceSecondsFor(load),
    open: window.start.getTime() / 1000,
    close: window.end.getTime() / 1000,
    weightGrams: load.weightGrams,
    volumeMilliliters: load.volumeMilliliters,
    skills: skillsFor(load.transport),
  }
}

/** The vans that are still at the hub, with the stops of their planned routes. */
function vansOf(day: Day, { shifts }: Plannable): VanDay[] {
  return shifts.map((shift) => {
    const route = day.routes.find(({ status, shiftId }) => status === 'planned' && shiftId === shift.id)
    const visits = (route?.stops ?? []).map(
      (stop): Visit => ({
        point: stop.address,
        legSeconds: stop.legSeconds + stop.breakSeconds,
        serviceSeconds: stop.serviceSeconds,
        open: stop.windowStart.getTime() / 1000,
        close: Math.max(stop.windowEnd.getTime(), stop.plannedArrival.getTime()) / 1000,
        weightGrams: stop.weightGrams,
        volumeMilliliters: stop.volumeMilliliters,
        // Its van has been chosen.
        skills: [],
      }),
    )
    return {
      start: shift.start.getTime() / 1000,
      end: Math.max(shift.end.getTime(), route?.endsAt.getTime() ?? 0) / 1000,
      capacity: shift.capacity,
      skills: shift.skills,
      visits,
    }
  })
}

/** The next order is taken to be like the middle one of the day: one heavy order must not close the day for others. */
function usualLoad({ deliveries }: Day): OrderLoad {
  const middle = (amounts: number[]) => amounts.toSorted((a, b) => a - b)[(amounts.length - 1) >> 1]
  return {
    weightGrams: middle(deliveries.map(({ weightGrams }) => weightGrams)) ?? USUAL.weightGrams,
    volumeMilliliters:
      middle(deliveries.map(({ volumeMilliliters }) => volumeMilliliters)) ?? USUAL.volumeMilliliters,
    transport: {},
  }
}
