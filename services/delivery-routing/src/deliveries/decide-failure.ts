import type { Db } from '@urbanbloom/service-kit/db'
import { violates } from '@urbanbloom/service-kit/db'
import { conflict, notFound, unprocessable } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import type { Context } from '../context.ts'
import type { Route } from '../dispatch/route.ts'
import { lockRoutes } from '../dispatch/route-store.ts'
import { RELOAD_MS, returnOf } from '../planning/plannable.ts'
import { repairDayOf } from '../planning/repair-day.ts'
import { type Changes, recordChanges } from '../stream/record-changes.ts'
import { windowUnavailable } from '../windows/find-windows.ts'
import { forgetCachedWindows } from '../windows/window-cache.ts'
import { type DeliveryWindow, returnCapacity } from '../windows/window-store.ts'
import type { DeliveryStatus } from './delivery.ts'
import { lockRoutesOf } from './lock-routes-of.ts'
import { publishDeliveryEvents } from './publish-delivery-event.ts'

/** Who decided, null for the default rule, and why. */
export type Decision = { orderId: string; decidedBy: string | null; reason: string }

export type Undecided = {
  status: DeliveryStatus
  windowId: string
  holdsCapacity: boolean
  /** Where the last try was; null where the delivery has not been on a route that ended so. */
  failedRouteId: string | null
}

/**
 * Gives a delivery that failed, or that no plan could place, another window: it takes a place there, or is refused
 * 409 `window_unavailable`, and is planned like any other once its parcels are at the hub.
 */
export async function rescheduleDelivery(
  ctx: Context,
  decision: Decision,
  { window, hubId }: { window: DeliveryWindow; hubId: string },
): Promise<void> {
  try {
    const fullHubs = await recordChanges(ctx, (tx, changes) => reschedule(ctx, tx, changes, decision, window))
    forgetCachedWindows(ctx, [hubId, ...fullHubs])
  } catch (err) {
    if (!violates(err, 'delivery_windows_held_fits')) throw err
    throw windowUnavailable('This delivery window is full; choose another', err)
  }
}

async function reschedule(
  ctx: Context,
  tx: Db,
  changes: Changes,
  { orderId, decidedBy, reason }: Decision,
  window: DeliveryWindow,
): Promise<string[]> {
  const delivery = await lockUndecided(tx, orderId, ['failed', 'confirmed'])
  const readyAt = delivery.status === 'failed' ? await backAtHub(tx, delivery) : null
  if (readyAt !== null && readyAt >= new Date(window.end)) {
    throw unprocessable(
      'not_back_in_time',
      `The parcels are at the hub at ${readyAt.toISOString()}, after the window`,
    )
  }
  // Windows are locked in the order of their ids, whoever gives a place back and whoever takes one.
  await tx.query('select id from delivery_windows where id = any($1::uuid[]) order by id for no key update', [
    [window.id, delivery.windowId],
  ])
  await tx.query('update delivery_windows set held = held + 1 where id = $1', [window.id])
  await tx.query(
    `update deliveries set status = 'confirmed', window_id = $2, holds_capacity = true, failure_reason = null,
       has_left = has_left or $3, ready_at = coalesce($4, ready_at), updated_at = now()
     where order_id = $1`,
    [orderId, window.id, delivery.status === 'failed', readyAt],
  )
  const returned = delivery.holdsCapacity ? await returnCapacity(tx, [delivery.windowId]) : { wasFull: [] }
  await recordDecision(tx, { orderId, decidedBy, reason }, 'retry_window', window.id)
  const { id, start, end } = window
  await publishDeliveryEvents(ctx, tx, 'delivery.rescheduled', [
    { orderId, window: { id, start, end }, outForDelivery: false },
  ])
  changes.toCustomer(orderId, 'delivery.rescheduled')
  await repairDayOf(ctx, tx, orderId, 'retry')
  return returned.wasFull
}

/** Gives a delivery that failed up: its parcels come back to the hub. */
export async function giveUpDelivery(ctx: Context, decision: Decision): Promise<void> {
  await recordChanges(ctx, async (tx, changes) => {
    await lockUndecided(tx, decision.orderId, ['failed'])
    await tx.query(
      `update deliveries set status = 'returning', has_left = true, updated_at = now() where order_id = $1`,
      [decision.orderId],
    )
    await recordDecision(tx, decision, 'return', null)
    await publishDeliveryEvents(ctx, tx, 'delivery.given_up', [{ orderId: decision.orderId }])
    changes.toCustomer(decision.orderId, 'delivery.returning')
  })
}

type Lines = { productId: string; quantity: number }[]

/**
 * The parcels of a delivery are at the hub again. What was given up goes back into stock, all of it or the lines that
 * are named; what gets another try can be loaded from now on; what a driver kept of a delivery goes back into stock,
 * too. Saying it again changes nothing.
 */
export async function receiveParcels(ctx: Context, orderId: string, lines: Lines | undefined): Promise<void> {
  await recordChanges(ctx, async (tx, changes) => {
    const delivery = await lockUndecided(tx, orderId, [
      'failed',
      'returning',
      'returned',
      'confirmed',
      'planned',
      'delivered',
    ])
    if (delivery.status === 'returned') return
    if (delivery.status === 'delivered') return receiveRest(ctx, tx, orderId, lines)
    if (delivery.status === 'confirmed' || delivery.status === 'planned') {
      await tx.query(
        'update deliveries set ready_at = least(ready_at, $2), updated_at = now() where order_id = $1',
        [orderId, ctx.now()],
      )
      return repairDayOf(ctx, tx, orderId, 'retry')
    }
    await tx.query(
      `update deliveries set status = 'returned', has_left = true, updated_at = now() where order_id = $1`,
      [orderId],
    )
    if (delivery.status === 'failed') {
      await publishDeliveryEvents(ctx, tx, 'delivery.given_up', [{ orderId }])
    }
    const news = { orderId, ...(lines === undefined ? {} : { lines }) }
    await publishDeliveryEvents(ctx, tx, 'delivery.returned', [news])
    changes.toCustomer(orderId, 'delivery.returned')
  })
}

/** What a driver kept of a delivery is at the hub: the lines that are named, else those that the driver named. */
async function receiveRest(ctx: Context, tx: Db, orderId: string, lines: Lines | undefined): Promise<void> {
  const [rest] = await tx.query<{ items: Lines; is_known: boolean }>(
    `select s.outcome->'undelivered'->'items' as items, d.rest_returned_at is not null as is_known
     from stops s join deliveries d on d.order_id = s.order_id
     where s.order_id = $1 and s.status = 'delivered' and s.outcome->'undelivered' is not null`,
    [orderId],
  )
  if (rest === undefined) {
    throw conflict('delivery_not_decidable', 'The delivery was handed over whole, so nothing comes back', {
      extra: { deliveryStatus: 'delivered' },
    })
  }
  if (rest.is_known) return
  const returned = lines ?? rest.items
  if (returned.length === 0) {
    throw unprocessable(
      'returned_lines_needed',
      'The driver did not say which plants are missing: name them as lines',
    )
  }
  await tx.query('update deliveries set rest_returned_at = now(), updated_at = now() where order_id = $1', [
    orderId,
  ])
  await publishDeliveryEvents(ctx, tx, 'delivery.returned', [{ orderId, lines: returned }])
}

/** Locks its route, then the delivery; 409 where it is not in one of the statuses. */
export async function lockUndecided(
  tx: Db,
  orderId: string,
  statuses: readonly DeliveryStatus[],
): Promise<Undecided> {
  await lockRoutesOf(tx, orderId)
  const [row] = await tx.query<{
    status: DeliveryStatus
    window_id: string
    holds_capacity: boolean
    route_id: string | null
  }>(
    `select d.status, d.window_id, d.holds_capacity, (
       select s.route_id from stops s where s.order_id = d.order_id and s.status = 'failed'
       order by s.completed_at desc, s.id desc limit 1) as route_id
     from deliveries d where d.order_id = $1 and d.customer_id is not null for update of d`,
    [orderId],
  )
  if (row === undefined) throw notFound('delivery_not_found', `There is no delivery of the order ${orderId}`)
  if (!statuses.includes(row.status)) {
    throw conflict('delivery_not_decidable', `The delivery is ${row.status}, so there is nothing to decide`, {
      extra: { deliveryStatus: row.status },
    })
  }
  return {
    status: row.status,
    windowId: row.window_id,
    holdsCapacity: row.holds_capacity,
    failedRouteId: row.route_id,
  }
}

export async function recordDecision(
  tx: Db,
  { orderId, decidedBy, reason }: Decision,
  action: 'retry_today' | 'retry_window' | 'return',
  windowId: string | null,
): Promise<void> {
  await tx.query(
    `insert into failure_decisions (id, order_id, action, decided_by, reason, window_id)
     values ($1, $2, $3, $4, $5, $6)`,
    [newId(), orderId, action, decidedBy, reason, windowId],
  )
}

/** When the van that has the parcels is back and they can be loaded again. */
async function backAtHub(tx: Db, { failedRouteId }: Undecided): Promise<Date> {
  const [route]: Route[] = failedRouteId === null ? [] : await lockRoutes(tx, [failedRouteId])
  if (route === undefined) throw new Error('A delivery failed on no route')
  // A completed route ends with its last stop; the van is back when it was planned to be, or later.
  const ends = Math.max(returnOf(route).getTime(), route.endsAt.getTime())
  return new Date(ends + RELOAD_MS)
}
