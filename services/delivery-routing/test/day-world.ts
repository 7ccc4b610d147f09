import type { Transport } from '@urbanbloom/contracts/transport'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import {
  addressAt,
  createCrew,
  createHub,
  createWorld,
  expecting,
  hold,
  inmanPark,
  nearby,
  placeOrder,
  planDay,
  timeZone,
  tomorrow,
  type World,
  windowsOf,
} from './world.ts'

export const date = tomorrow()

/** A world whose clock the test sets; it begins tomorrow at six in the morning by the hub's clocks. */
export async function createDayWorld(env: NodeJS.ProcessEnv = {}) {
  let now = new Date()
  const world = await createWorld({ env, overrides: { now: () => now } })
  const momentAt = async (time: string) => {
    const [row] = await world.db.query<{ at: Date }>('select ($1::date + $2::time) at time zone $3 as at', [
      date,
      time,
      timeZone,
    ])
    if (row === undefined) throw new Error('The database told no time')
    return row.at
  }
  const setClock = async (time: string) => void (now = await momentAt(time))
  await setClock('06:00')
  return { world, setClock, momentAt }
}

let hubs = 0

/** A hub of its own, with crews that start at seven, and ways to order from it. */
export async function createDay(
  world: World,
  options: { crews?: number; hub?: object; capacity?: object } = {},
) {
  hubs += 1
  const at = { latitude: 33 + hubs * 0.3, longitude: -84 }
  const hub = await createHub(world, { ...at, serviceRadiusMeters: 10_000, ...options.hub })
  const crews = []
  for (let index = 0; index < (options.crews ?? 2); index += 1) {
    crews.push(await createCrew(world, hub.id, date, options.capacity))
  }
  const windows = await windowsOf(world, date, at)
  const point = (index: number) => ({
    latitude: at.latitude + nearby(index).latitude - inmanPark.latitude,
    longitude: at.longitude + nearby(index).longitude - inmanPark.longitude,
  })
  const windowId = (window: number) => windows[window]?.id ?? ''
  const routes = async () =>
    (await expecting(200, world.asOps('GET', `/v1/dispatch/routes?date=${date}&hubId=${hub.id}`))).items
  return {
    hub,
    crews,
    windows,
    at,
    point,
    routes,
    order: (index: number, window = 1, weightGrams = 4_000) =>
      placeOrder(world, windowId(window), { at: point(index), weightGrams }),
    hold: (orderId: string, window = 1) => hold(world, { orderId, windowId: windowId(window) }),
    plan: () => planDay(world, hub.id, date),
    routeOf: async (orderId: string) =>
      (await routes()).find((route: any) => route.stops.some((stop: any) => stop.orderId === orderId)),
    /** What the order's products would have said. */
    needs: (orderId: string, transport: Transport) =>
      world.db.query('update deliveries set transport = $2::jsonb where order_id = $1', [
        orderId,
        JSON.stringify(transport),
      ]),
    address: (index: number) => addressAt(point(index)),
  }
}

/** Starts the driver's route. */
export async function start(world: World, token: string) {
  return expecting(200, world.call('POST', '/v1/driver/route/start', token))
}

export async function report(world: World, token: string, stopId: string, what: 'fail' | 'deliver') {
  const body = what === 'fail' ? { reason: 'customer_absent' } : { proof: { kind: 'code', code: '4711' } }
  return expecting(200, world.call('POST', `/v1/driver/stops/${stopId}/${what}`, token, body))
}

export async function codeOf(answer: ReturnType<World['call']>): Promise<string> {
  const { status, body } = await answer
  return `${status} ${body.code}`
}

/** When no job waits or runs any more. */
export async function settled(world: World): Promise<void> {
  await waitFor(async () => (await world.db.query('select id from delivery_jobs.jobs')).length === 0, {
    describe: 'every job to be done',
    timeoutMs: 20_000,
  })
}

/** The newest plan of a hub's day once it has ended. */
export async function newestPlan(world: World, hubId: string) {
  return waitFor(
    async () => {
      const { items } = await expecting(
        200,
        world.asOps('GET', `/v1/dispatch/plans?hubId=${hubId}&date=${date}&limit=1`),
      )
      const [plan] = items
      return plan.status === 'done' || plan.status === 'failed' ? plan : null
    },
    { describe: 'the newest plan to end', timeoutMs: 20_000 },
  )
}
