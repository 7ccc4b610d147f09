import type { OrderLoad } from '@urbanbloom/contracts/delivery'
import { conflict, type ServiceError, unprocessable } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import type { Hub } from '../fleet/hub.ts'
import { findHub, findHubFor } from '../fleet/hub-store.ts'
import type { Point } from '../geo.ts'
import { addDays, datesBetween, localDateAt } from '../local-date.ts'
import { windowsWithRoom } from './remaining-capacity.ts'
import { cachedWindows } from './window-cache.ts'
import {
  type DeliveryWindow,
  findWindowByStart,
  insertMissingWindows,
  listWindows,
  windowStartHours,
} from './window-store.ts'

/** Windows are offered from today on for a week. */
const HORIZON_DAYS = 7
const DAYS_WITHOUT_DATE = 3

/** The hub that delivers to this point; 422 where none does. */
export async function hubFor(ctx: Context, point: Point): Promise<Hub> {
  const hub = await findHubFor(ctx.db, point)
  if (hub === null) {
    throw unprocessable('outside_delivery_area', 'We do not deliver to this place yet: no hub is near enough')
  }
  return hub
}

/** The windows on offer at this point on `date`, or on the next three days; none for a day that is not on offer. */
export async function findWindows(ctx: Context, point: Point, date?: string): Promise<DeliveryWindow[]> {
  const hub = await hubFor(ctx, point)
  const today = localDateAt(ctx.now(), hub.timeZone)
  const first = date ?? today
  const last = date ?? addDays(today, DAYS_WITHOUT_DATE - 1)
  if (first < today || last >= addDays(today, HORIZON_DAYS)) return []
  const windows = await cachedWindows(ctx, hub, { first, last }, () => loadWindows(ctx, hub, first, last))
  const offered = windows.filter((window) => isBeforeCutOff(ctx, window))
  const withRoom = await windowsWithRoom(ctx, hub, point, offered)
  return offered.map((window) => (withRoom.has(window.id) ? window : { ...window, full: true }))
}

/** The window of exactly this time at this hub; 409 when it is unknown, past its cut-off, full or out of reach. */
export async function findOpenWindow(
  ctx: Context,
  hub: Hub,
  {
    start,
    end,
    load,
    ...point
  }: Point & { start: string; end?: string | undefined; load?: OrderLoad | undefined },
): Promise<DeliveryWindow> {
  const startsAt = new Date(start)
  let window = await findWindowByStart(ctx.db, hub.id, startsAt)
  if (window === null && isOnOffer(ctx, hub, startsAt)) {
    await insertMissingWindows(ctx.db, hub, [localDateAt(startsAt, hub.timeZone)])
    window = await findWindowByStart(ctx.db, hub.id, startsAt)
  }
  if (window === null || (end !== undefined && Date.parse(end) !== Date.parse(window.end))) {
    throw windowUnavailable('There is no such delivery window; choose one that /v1/delivery-windows lists')
  }
  if (!isBeforeCutOff(ctx, window)) {
    throw windowUnavailable('It is too late for this delivery window; choose a later one')
  }
  if (window.full) throw windowUnavailable('This delivery window is full; choose another')
  const withRoom = await windowsWithRoom(ctx, hub, point, [window], load)
  if (!withRoom.has(window.id)) {
    throw windowUnavailable(
      'No van can bring this order to this place in this delivery window any more; choose another',
    )
  }
  return window
}

/** The window that starts at this moment at this hub, for a dispatcher, who is not bound by cut-offs. */
export async function windowAt(ctx: Context, hubId: string, start: Date): Promise<DeliveryWindow> {
  const hub = await findHub(ctx.db, hubId)
  if (hub === null) throw new Error(`The hub ${hubId} is gone`)
  if (isOnOffer(ctx, hub, start)) {
    await insertMissingWindows(ctx.db, hub, [localDateAt(start, hub.timeZone)])
  }
  const window = await findWindowByStart(ctx.db, hub.id, start)
  if (window === null || new Date(window.end) <= ctx.now()) {
    throw windowUnavailable('There is no such delivery window, or it has ended')
  }
  return window
}

export function windowUnavailable(detail: string, cause?: unknown): ServiceError {
  return conflict('window_unavailable', detail, { cause })
}

async function loadWindows(ctx: Context, hub: Hub, first: string, last: string): Promise<DeliveryWindow[]> {
  const dates = datesBetween(first, last)
  const windows = await listWindows(ctx.db, hub, first, last)
  if (windows.length >= dates.length * windowStartHours.length) return windows
  await insertMissingWindows(ctx.db, hub, dates)
  return listWindows(ctx.db, hub, first, last)
}

function isOnOffer(ctx: Context, hub: Hub, start: Date): boolean {
  const today = localDateAt(ctx.now(), hub.timeZone)
  const date = localDateAt(start, hub.timeZone)
  return date >= today && date < addDays(today, HORIZON_DAYS)
}

export function isBeforeCutOff(ctx: Context, window: DeliveryWindow): boolean {
  const cutOff = window.cutOffAt ?? new Date(Date.parse(window.start) - ctx.config.windowCutOffMs)
  return new Date(cutOff).getTime() >= ctx.now().getTime()
}
