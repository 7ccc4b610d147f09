// A day of 500 stops and 20 vans, from the API alone, against real processes: `node packages/bench/src/dispatch-day.ts`.
import { dayAt, momentOf } from '@urbanbloom/local/hub-time'
import { hub as inmanPark, shiftHours, vehicle } from '@urbanbloom/local/seed-data'
import { request, requestExpecting } from '@urbanbloom/test-kit/http'
import { createDriver, createOps, type Person, registerCustomer } from '@urbanbloom/test-kit/people'
import {
  checkoutBody,
  createHub,
  createProduct,
  type DeliveryWindow,
  nearbyAddress,
} from '@urbanbloom/test-kit/shop'
import { startBenchSystem } from './bench-system.ts'
import { createRandom } from './random.ts'
import { figure, formatTable } from './table.ts'

const STOPS = 500
const VANS = 20
const CUSTOMERS = 10
const PLAN_LIMIT_MS = 120_000
const POLL_MS = 250

const system = await startBenchSystem({ logLevel: 'warn' })
try {
  const ops = await createOps(system)
  const date = dayAt(new Date(), inmanPark.timeZone, 1)
  const hub = await createHub(system, ops)
  for (let van = 0; van < VANS; van += 1) await addCrew(ops, hub.id, date)
  await sell(ops, date)
  const first = await plan(ops, { hubId: hub.id, date })
  const again = await plan(ops, { hubId: hub.id, date })
  const routes = await measured('GET', `/v1/dispatch/routes?date=${date}&hubId=${hub.id}`, ops)
  const [route] = first.body.routes.toSorted((a: any, b: any) => b.stops.length - a.stops.length)
  const stopIds = route.stops.map(({ id }: { id: string }) => id)
  const reorder = await measured('POST', `/v1/dispatch/routes/${route.id}/reorder`, ops, { stopIds })
  const rows = [
    ['', 'seconds', 'answer KB', 'routes', 'stops', 'left out'],
    row('plan', first),
    row('plan again', again),
    [
      'routes of the day',
      figure(routes.seconds),
      figure(routes.kilobytes),
      String(routes.body.items.length),
      '',
      '',
    ],
    [
      'reorder the longest route',
      figure(reorder.seconds),
      figure(reorder.kilobytes),
      '1',
      String(stopIds.length),
      '',
    ],
  ]
  console.log(`${STOPS} orders, ${VANS} vans, tomorrow, through the gateway:\n\n${formatTable(rows)}`)
  console.log(`\nPlanning again moved ${again.body.figures.movedStops} stops to another van.`)
} finally {
  await system.close()
}

function row(name: string, { seconds, kilobytes, body }: Awaited<ReturnType<typeof measured>>): string[] {
  const stops = body.routes.reduce((sum: number, each: { stops: unknown[] }) => sum + each.stops.length, 0)
  return [
    name,
    figure(seconds),
    figure(kilobytes),
    String(body.routes.length),
    String(stops),
    String(body.unassigned.length),
  ]
}

async function measured(method: 'GET' | 'POST', path: string, { token }: Person, body?: object) {
  const startedAt = performance.now()
  const answer = await request(method, `${system.gatewayUrl}${path}`, { token, body })
  const seconds = (performance.now() - startedAt) / 1_000
  if (answer.status >= 300)
    throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
  return { seconds, kilobytes: JSON.stringify(answer.body).length / 1_024, body: answer.body }
}

/** From the request to the plan that is done, with the last answer. */
async function plan(ops: Person, day: { hubId: string; date: string }) {
  const startedAt = performance.now()
  const { body } = await measured('POST', '/v1/dispatch/plans', ops, day)
  for (;;) {
    const answer = await measured('GET', `/v1/dispatch/plans/${body.id}`, ops)
    const seconds = (performance.now() - startedAt) / 1_000
    if (answer.body.status === 'done') return { ...answer, seconds }
    if (answer.body.status === 'failed' || seconds * 1_000 > PLAN_LIMIT_MS)
      throw new Error(`The plan ${body.id} failed`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

async function addCrew(ops: Person, hubId: string, date: string): Promise<void> {
  const { token } = ops
  const driver = await createDriver(system, ops)
  const van = { hubId, ...vehicle, name: `Van of ${driver.id}` }
  const { id } = await requestExpecting<{ id: string }>(201, 'POST', `${system.gatewayUrl}/v1/vehicles`, {
    token,
    body: van,
  })
  const at = (hour: number) => momentOf(date, hour, inmanPark.timeZone).toISOString()
  const times = { start: at(shiftHours.start), end: at(shiftHours.end) }
  const body = { hubId, driverId: driver.id, vehicleId: id, ...times }
  await requestExpecting(201, 'POST', `${system.gatewayUrl}/v1/shifts`, { token, body })
}

/** Orders at places all around the hub, in all windows of the day. */
async function sell(ops: Person, date: string): Promise<void> {
  const { gatewayUrl } = system
  const plant = await createProduct(system, ops, { initialQuantity: 2 * STOPS })
  const query = `latitude=${nearbyAddress.latitude}&longitude=${nearbyAddress.longitude}&date=${date}`
  const { items: windows } = await requestExpecting<{ items: DeliveryWindow[] }>(
    200,
    'GET',
    `${gatewayUrl}/v1/delivery-windows?${query}`,
    {},
  )
  const random = createRandom(20_260_401)
  const bodies = Array.from({ length: STOPS }, (_, index) => {
    const [reach, angle] = [0.05 * Math.sqrt(random()), 2 * Math.PI * random()]
    const address = {
      ...nearbyAddress,
      latitude: inmanPark.latitude + reach * Math.sin(angle),
      longitude: inmanPark.longitude + reach * Math.cos(angle),
    }
    const window = windows[index % windows.length]
    if (window === undefined) throw new Error(`No delivery window is open on ${date}`)
    return checkoutBody([{ productId: plant.id, quantity: 1 + (index % 3 === 0 ? 1 : 0) }], window, {
      address,
    })
  })
  const buy = async () => {
    const { token } = await registerCustomer(system)
    for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
      const headers = { 'idempotency-key': crypto.randomUUID() }
      await requestExpecting(201, 'POST', `${gatewayUrl}/v1/checkout`, { token, body, headers })
    }
  }
  await Promise.all(Array.from({ length: CUSTOMERS }, buy))
}
