import { conflict, notFound } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import type { Context } from '../context.ts'
import { readServiceHistory } from '../eta/service-time-store.ts'
import { plannedServiceSeconds } from '../eta/service-times.ts'
import { localDateAt } from '../local-date.ts'
import { recordChanges } from '../stream/record-changes.ts'
import {
  findChangeableRoute,
  lockUnchanged,
  type Manner,
  retimeChecked,
  writeOrder,
} from './manual-control.ts'
import { pinAt, refuseBeyond, refuseOtherDay } from './move-stop.ts'
import type { Route, Stop } from './route.ts'

/** Puts a delivery that no plan has placed onto a route and pins it there. */
export async function placeDelivery(
  ctx: Context,
  orderId: string,
  target: Manner & { routeId: string; position: number },
): Promise<Route['id']> {
  const { route, hub } = await findChangeableRoute(ctx.db, target.routeId, target.version)
  const { stop, hubId } = await findOpenDelivery(ctx, orderId, route)
  refuseOtherDay({ hubId, date: localDateAt(stop.windowStart, hub.timeZone) }, route)
  refuseBeyond(route.stops, target.position)
  const stops = route.stops.toSpliced(target.position - 1, 0, stop)
  const retimed = await retimeChecked(ctx, hub, route, { stops, force: target.force })
  const pin = pinAt(route.stops, target.position)
  await recordChanges(ctx, async (tx, changes) => {
    await lockUnchanged(tx, [route])
    const taken = await tx.query(
      `update deliveries set status = 'planned', held_back_reason = null, updated_at = now()
       where order_id = $1 and status = 'confirmed' returning order_id`,
      [orderId],
    )
    if (taken.length === 0) throw notPlannable(orderId)
    await tx.query(
      `insert into stops (id, route_id, order_id, position, status, planned_arrival, eta, leg_seconds, leg_meters,
         service_seconds)
       values ($1, $2, $3, $4, 'pending', $5, $5, 0, 0, $6)`,
      [stop.id, route.id, orderId, route.stops.length + 1, stop.plannedArrival, stop.serviceSeconds],
    )
    await writeOrder(ctx, tx, changes, {
      route,
      retimed,
      pinOf: (each) => (each.id === stop.id ? pin : each.pin),
    })
  })
  return route.id
}

function notPlannable(orderId: string) {
  return conflict('delivery_not_plannable', `The delivery of the order ${orderId} is not open; read it again`)
}

/** The delivery as a stop that is not written yet; its time is unknown, so that the news of it is sent. */
async function findOpenDelivery(
  ctx: Context,
  orderId: string,
  route: Route,
): Promise<{ stop: Stop; hubId: string }> {
  const [row] = await ctx.db.query<
    Pick<Stop, 'number' | 'parcels' | 'transport' | 'address' | 'weightGrams' | 'volumeMilliliters'> &
      Pick<Stop, 'windowStart' | 'windowEnd'> & { status: string; hubId: string }
  >(
    `select d.status, d.number, d.parcels, d.transport, d.address, d.weight_grams as "weightGrams",
            d.volume_milliliters as "volumeMilliliters", w.starts_at as "windowStart", w.ends_at as "windowEnd",
            w.hub_id as "hubId"
     from deliveries d join delivery_windows w on w.id = d.window_id
     where d.order_id = $1 and d.status <> 'held'`,
    [orderId],
  )
  if (row === undefined) throw notFound('delivery_not_found', `There is no delivery of the order ${orderId}`)
  const { status, hubId, ...delivery } = row
  if (status !== 'confirmed') throw notPlannable(orderId)
  const unknown = new Date(0)
  const stop: Stop = {
    ...delivery,
    id: newId(),
    routeId: route.id,
    orderId,
    position: route.stops.length + 1,
    status: 'pending',
    pin: null,
    plannedArrival: unknown,
    eta: unknown,
    legSeconds: 0,
    legMeters: 0,
    breakSeconds: 0,
    serviceSeconds: plannedServiceSeconds(delivery, await readServiceHistory(ctx.db, hubId, [delivery])),
    arrivedAt: null,
    completedAt: null,
  }
  return { stop, hubId }
}
