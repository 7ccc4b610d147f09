import { momentOf } from '@urbanbloom/local/hub-time'
import { accounts, hub, PASSWORD, shiftHours, vehicle } from '@urbanbloom/local/seed-data'
import type { Purchase } from './buy.ts'
import { logIn, waitForDelivery, waitForOrder } from './follow.ts'
import { check, clock, type Narrator } from './narrate.ts'

type Plan = {
  id: string
  status: string
  error?: string
  unassigned: { orderId: string; reason: string }[]
  routes: {
    driverId: string
    distanceMeters: number
    stops: { orderId: string; position: number; plannedArrival: string }[]
  }[]
}

type Planned = { opsToken: string; driverEmail: string }

/** Ops puts the order on a route. @returns who drives it, and the token of ops. */
export async function planDay(tell: Narrator, purchase: Purchase): Promise<Planned> {
  const { step, call, say } = tell
  step('Ops plans the day')
  const token = await logIn(tell, accounts.ops.email)
  const { body: hubs } = await call('GET', '/v1/hubs?limit=100', { expect: 200, token })
  const hubId: string | undefined = hubs.items.find(({ name }: { name: string }) => name === hub.name)?.id
  check(hubId !== undefined, `There is no hub "${hub.name}": was the system started with "npm start"?`)
  await waitForDelivery(tell, purchase)

  let plan = await makePlan(tell, { token, hubId, date: purchase.date })
  if (plan.unassigned.some(({ orderId }) => orderId === purchase.orderId)) {
    say(`${purchase.number} finds no place on the shifts of ${purchase.date}, so ops sends another van`)
    await addVan(tell, { token, hubId, date: purchase.date })
    plan = await makePlan(tell, { token, hubId, date: purchase.date })
  }
  const left = plan.unassigned.find(({ orderId }) => orderId === purchase.orderId)
  check(left === undefined, `The plan leaves ${purchase.number} out: ${left?.reason}.`)
  const route = plan.routes.find(({ stops }) => stops.some(({ orderId }) => orderId === purchase.orderId))
  const stop = route?.stops.find(({ orderId }) => orderId === purchase.orderId)
  check(route !== undefined && stop !== undefined, `No route of the plan holds ${purchase.number}.`)
  say(
    `${purchase.number} is stop ${stop.position} of ${route.stops.length} on a route of ${(route.distanceMeters / 1_000).toFixed(1)} km, ` +
      `planned for ${clock(stop.plannedArrival, hub.timeZone)}`,
  )
  await waitForOrder(tell, purchase, 'scheduled')
  return { opsToken: token, driverEmail: await emailOf(tell, token, route.driverId) }
}

type Day = { token: string; hubId: string; date: string }

async function makePlan({ call, until }: Narrator, { token, hubId, date }: Day): Promise<Plan> {
  const asked = await call<Plan>('POST', '/v1/dispatch/plans', { expect: 202, token, body: { hubId, date } })
  const plan = await until<Plan>(`/v1/dispatch/plans/${asked.body.id}`, {
    token,
    describe: 'done',
    isThere: ({ status }) => status === 'done' || status === 'failed',
  })
  check(plan.status === 'done', `The plan failed: ${plan.error}`)
  return plan
}

/** A van with a driver for a whole day, for when the story was told often or the system has run for days. */
async function addVan({ call }: Narrator, { token, hubId, date }: Day): Promise<void> {
  const name = `Demo ${crypto.randomUUID().slice(0, 8)}`
  const driver = {
    email: `${name.toLowerCase().replace(' ', '-')}@urbanbloom.test`,
    name,
    password: PASSWORD,
  }
  const { body: hired } = await call('POST', '/v1/drivers', { expect: 201, token, body: driver })
  const van = { hubId, name, capacity: vehicle.capacity }
  const { body: bought } = await call('POST', '/v1/vehicles', { expect: 201, token, body: van })
  const hours = {
    start: momentOf(date, shiftHours.start, hub.timeZone).toISOString(),
    end: momentOf(date, shiftHours.end, hub.timeZone).toISOString(),
  }
  const shift = { hubId, driverId: hired.id, vehicleId: bought.id, ...hours }
  await call('POST', '/v1/shifts', { expect: 201, token, body: shift })
}

async function emailOf({ call }: Narrator, token: string, driverId: string): Promise<string> {
  type Drivers = { items: { id: string; email: string }[]; nextCursor: string | null }
  for (let cursor: string | null = ''; cursor !== null; ) {
    const path: string = `/v1/drivers?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`
    const { body }: { body: Drivers } = await call<Drivers>('GET', path, {
      expect: 200,
      token,
      isTold: false,
    })
    const found = body.items.find(({ id }) => id === driverId)
    if (found !== undefined) return found.email
    cursor = body.nextCursor
  }
  check(false, `The plan names the driver ${driverId}, whom nobody knows.`)
}
