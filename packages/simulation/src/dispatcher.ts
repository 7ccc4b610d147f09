import { drive } from './driver.ts'
import { type Hub, hireVan, type Van } from './fleet.ts'
import { endedEarly, type Session, type World } from './world.ts'

/** Vans leave in waves: the orders since the last one are planned and loaded together. */
const WAVE_HOURS = 2
/** How soon somebody looks again when there was nothing to plan. */
const LOOK_AGAIN_HOURS = 0.25
const STOPS_PER_VAN = 35
const SPARE_VANS = 1
const PLAN_LIMIT_MS = 180_000
const RESTOCK_BELOW = 60
const RESTOCK_BY = 500

/** One hub's day at the desk: hires vans, plans each wave, sends the drivers, fills the shelves, decides claims. */
export async function runHub(world: World, ops: Session, hub: Hub): Promise<void> {
  const { clock } = world
  const driving: Promise<void>[] = []
  let waiting: Van[] = []
  while (!clock.signal.aborted) {
    const wanted = [...world.bought.values()].filter(
      ({ hub: at, orderId }) => at.name === hub.name && world.tally.orders.get(orderId) === 'confirmed',
    ).length
    while (waiting.length < Math.ceil(wanted / STOPS_PER_VAN) + SPARE_VANS && !clock.signal.aborted) {
      const van = await hireVan(world, await renewed(world, ops), hub).catch((err: unknown) => {
        if (!world.client.hasOutages) throw err
        endedEarly(world, 'Hiring', err)
      })
      if (van !== undefined) waiting.push(van)
    }
    if (wanted > 0) {
      const routed = await planWave(world, ops, hub)
      const leaving = waiting.filter(({ driverId }) => routed.has(driverId))
      waiting = waiting.filter((van) => !leaving.includes(van))
      driving.push(
        ...leaving.map((van) => drive(world, van).catch((err) => endedEarly(world, 'A route', err))),
      )
    }
    await clock.waitHours(wanted > 0 ? WAVE_HOURS : LOOK_AGAIN_HOURS)
  }
  await Promise.all(driving)
}

/** @returns the drivers who have a route now. */
async function planWave(world: World, ops: Session, hub: Hub): Promise<Set<string>> {
  const { client, clock, tally, date } = world
  const plans = '/v1/dispatch/plans'
  const token = await world.people.tokenOf(ops)
  const body = { hubId: hub.id, date }
  const asked = await client.ask('plan', { method: 'POST', path: plans, token, body })
  if (asked.status !== 202) return new Set()
  const end = performance.now() + PLAN_LIMIT_MS
  while (performance.now() < end && !clock.signal.aborted) {
    await clock.waitMs(500)
    const { status, body: plan } = await client.ask('look at plan', {
      path: `${plans}/${asked.body.id}`,
      token,
    })
    if (status !== 200 || plan.status === 'queued' || plan.status === 'running') continue
    tally.count(plan.status === 'done' ? 'plans' : 'plans failed')
    tally.count('left out of a plan', plan.unassigned.length)
    for (const { stops } of plan.routes) {
      for (const { orderId } of stops) {
        if (tally.orders.get(orderId) === 'confirmed') tally.order(orderId, 'scheduled')
      }
    }
    return new Set(plan.routes.map(({ driverId }: { driverId: string }) => driverId))
  }
  return new Set()
}

/** What ops does beside the vans, once an hour: fill shelves and decide claims. */
export async function keepShop(world: World, ops: Session, scarce: ReadonlySet<string>): Promise<void> {
  const { clock } = world
  while (!clock.signal.aborted) {
    await restock(world, ops, scarce)
    await decideClaims(world, ops)
    await clock.waitHours(1)
  }
}

async function restock({ client, people, tally }: World, ops: Session, scarce: ReadonlySet<string>) {
  const token = await people.tokenOf(ops)
  for (let cursor: string | null = ''; cursor !== null; ) {
    const path: string = `/v1/products?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`
    const { status, body }: { status: number; body: any } = await client.ask('shelves', { path })
    if (status !== 200) return
    for (const { id, availableQuantity } of body.items) {
      if (availableQuantity >= RESTOCK_BELOW || scarce.has(id)) continue
      const change = { delta: RESTOCK_BY, reason: 'A truck from the nursery' }
      const headers = { 'idempotency-key': crypto.randomUUID() }
      const target = `/v1/products/${id}/stock-adjustments`
      await client.ask('restock', { method: 'POST', path: target, token, body: change, headers })
      tally.count('restocked')
    }
    cursor = body.nextCursor
  }
}

async function decideClaims({ client, people, chance, tally }: World, ops: Session): Promise<void> {
  const token = await people.tokenOf(ops)
  const { status, body } = await client.ask('claims', { path: '/v1/claims?status=open&limit=50', token })
  if (status !== 200) return
  for (const { id } of body.items) {
    const action = chance.is(0.8) ? 'refund' : 'reject'
    const path = `/v1/claims/${id}/resolve`
    await client.ask('decide claim', { method: 'POST', path, token, body: { action } })
    tally.count(`claims: ${action}`)
  }
}

async function renewed({ people }: World, ops: Session): Promise<Session> {
  await people.tokenOf(ops)
  return ops
}
