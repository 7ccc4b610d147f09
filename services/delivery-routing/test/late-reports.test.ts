import { newId } from '@urbanbloom/service-kit/ids'
import { request } from '@urbanbloom/test-kit/http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { jpeg, type StartedRoute, sendBytes, startedRoute } from './driving-day.ts'
import {
  createCrew,
  createDriver,
  createWorld,
  eventsOf,
  expecting,
  planDay,
  statusOf,
  type World,
} from './world.ts'

const MINUTE_MS = 60_000
let world: World
let now: Date
beforeEach(async () => {
  now = new Date()
  world = await createWorld({ overrides: { now: () => now } })
})
afterEach(() => world.close())

const later = (minutes: number) => {
  now = new Date(now.getTime() + minutes * MINUTE_MS)
  return now
}
type Stop = { id: string; orderId: string }
const signature = { kind: 'signature', name: 'Casey' }
const event = (stop: Stop, at: Date, more: object = {}) => ({
  clientEventId: newId(),
  type: 'deliver',
  stopId: stop.id,
  occurredAt: at.toISOString(),
  proof: signature,
  ...more,
})
const failed = (stop: Stop, at: Date) => ({
  clientEventId: newId(),
  type: 'fail',
  stopId: stop.id,
  occurredAt: at.toISOString(),
  reason: 'no_access',
})
const sync = async (token: string, events: object[], more: object = {}): Promise<string[]> => {
  const body = { events, ...more }
  const { results } = await expecting(200, request('POST', `${world.url}/v1/driver/sync`, { token, body }))
  return results.map(({ code, status }: { code?: string; status: string }) => code ?? status)
}
function stopsOf(day: StartedRoute): [Stop, Stop, Stop, Stop] {
  const [first, second, third, fourth] = day.route.stops
  if (first === undefined || second === undefined || third === undefined || fourth === undefined) {
    throw new Error('The route has too few stops')
  }
  return [first, second, third, fourth]
}
const stopStatus = async ({ id }: Stop) =>
  (await world.db.query<{ status: string }>('select status from stops where id = $1', [id]))[0]?.status
const refusedOf = async (hubId: string): Promise<any[]> =>
  (await expecting(200, world.asOps('GET', `/v1/dispatch/refused-reports?hubId=${hubId}`))).items

describe('a code that the customer asks for', () => {
  it('is not needed for what was handed over before, however late that is known', async () => {
    const day = await startedRoute(world, 4)
    const [before, after] = stopsOf(day)
    const handedOver = later(1)
    later(1)
    for (const { orderId } of [before, after]) {
      const path = `/v1/orders/${orderId}/tracking/handover`
      await expecting(200, world.call('POST', path, day.orderOf({ orderId }).token, { requireCode: true }))
      // Asked again it is since the first time.
      later(1)
      await expecting(200, world.call('POST', path, day.orderOf({ orderId }).token, { requireCode: true }))
    }
    const events = [event(before, handedOver), event(after, new Date(now.getTime() - 30_000))]
    expect(await sync(day.driver.token, events)).toEqual(['applied', 'code_required'])
    expect((await day.drive(`stops/${after.id}/deliver`, { proof: signature })).body.code).toBe(
      'code_required',
    )
  })
})

describe('a driver without signal whose route somebody else took over', () => {
  it('has delivered what they delivered before that, and not what they say they did after', async () => {
    const day = await startedRoute(world, 4)
    const [delivered, untold, open, photographed] = stopsOf(day)
    const other = await createDriver(world)
    const before = later(5)
    later(5)
    const path = `/v1/dispatch/routes/${day.route.id}/take-over`
    await expecting(200, world.asOps('POST', path, { driverId: other.id, delayMinutes: 0 }))
    const after = later(5)
    // What the phone has of it can still be sent.
    const url = `${world.url}/v1/driver/stops/${photographed.id}/proof-files`
    const file = { token: day.driver.token, bytes: jpeg('before'), contentType: 'image/jpeg' }
    const { body } = await sendBytes(url, file)
    const proof = { kind: 'photo', fileId: body.id }
    later(1)
    const events = [
      event(delivered, before),
      event(untold, after),
      failed(open, before),
      event(photographed, before, { proof }),
    ]
    const answers = ['applied', 'stop_reassigned', 'applied', 'applied']
    expect(await sync(day.driver.token, events)).toEqual(answers)
    expect(await sync(day.driver.token, events.toReversed())).toEqual(answers.toReversed())
    expect(await Promise.all([delivered, untold, open, photographed].map(stopStatus))).toEqual([
      'delivered',
      'pending',
      'failed',
      'delivered',
    ])
    expect((await day.drive(`stops/${untold.id}/deliver`, { proof: signature })).body.code).toBe(
      'stop_not_found',
    )
    const stranger = await createDriver(world)
    expect(await sync(stranger.token, [event(untold, before)])).toEqual(['stop_reassigned'])
    // The driver who has it now goes on.
    await expecting(
      200,
      world.call('POST', `/v1/driver/stops/${untold.id}/deliver`, other.token, { proof: signature }),
    )
    const refused = await refusedOf(day.hub.id)
    expect(refused.map(({ driverId, stopId, code }) => [driverId, stopId, code])).toEqual([
      [stranger.id, untold.id, 'stop_reassigned'],
      [day.driver.id, untold.id, 'stop_reassigned'],
    ])
  })
})

describe('a driver without signal whose van broke down', () => {
  it('has delivered what they delivered before that, also where it is planned again; the rest stays as it is', async () => {
    const day = await startedRoute(world, 4)
    const [delivered, afterwards, tried, cancelled] = stopsOf(day)
    const before = later(5)
    later(5)
    const breakDown = `/v1/dispatch/routes/${day.route.id}/break-down`
    await expecting(
      202,
      world.asOps('POST', breakDown, { reason: 'Engine', readyAt: later(1).toISOString() }),
    )
    await createCrew(world, day.hub.id, day.date)
    await planDay(world, day.hub.id, day.date)
    expect(await statusOf(world, delivered.orderId)).toBe('planned')
    await world.db.query(`update deliveries set status = 'returned' where order_id = $1`, [cancelled.orderId])
    const after = later(5)
    const events = [
      event(delivered, before),
      event(afterwards, after),
      failed(tried, before),
      event(cancelled, before),
    ]
    const answers = ['applied', 'stop_removed', 'stop_removed', 'stop_removed']
    expect(await sync(day.driver.token, events)).toEqual(answers)
    expect(await sync(day.driver.token, events.toReversed())).toEqual(answers.toReversed())
    expect(await statusOf(world, delivered.orderId)).toBe('delivered')
    const open = await world.db.query(
      `select id from stops where order_id = $1 and status in ('pending', 'arrived')`,
      [delivered.orderId],
    )
    expect(open).toEqual([])
    expect(await stopStatus(delivered)).toBe('delivered')
    expect(await statusOf(world, tried.orderId)).toBe('planned')
    await waitFor(() => eventsOf(world, delivered.orderId).at(-1) === 'delivery.delivered', {
      describe: 'order to learn of it',
    })
    const refused = await refusedOf(day.hub.id)
    expect(new Set(refused.map(({ stopId }) => stopId))).toEqual(
      new Set([afterwards.id, tried.id, cancelled.id]),
    )
  })
})

describe('what two phones of a driver say', () => {
  it('is told apart by the phone, and the same id never stands for two things', async () => {
    const day = await startedRoute(world, 4)
    const [one, other, third] = stopsOf(day)
    const at = later(1)
    later(1)
    const arrive = (stop: Stop) => ({
      clientEventId: '1',
      type: 'arrive',
      stopId: stop.id,
      occurredAt: at.toISOString(),
    })
    const { token } = day.driver
    expect(await sync(token, [arrive(one)], { deviceId: 'A' })).toEqual(['applied'])
    expect(await sync(token, [event(other, at, { clientEventId: '1' })], { deviceId: 'B' })).toEqual([
      'applied',
    ])
    expect(await sync(token, [arrive(other)], { deviceId: 'A' })).toEqual(['client_event_id_reused'])
    expect(await Promise.all([one, other].map(stopStatus))).toEqual(['arrived', 'delivered'])

    const first = { ...failed(third, at), clientEventId: '2' }
    for (const _ of [1, 2]) expect(await sync(token, [first])).toEqual(['applied'])
    const earlier = new Date(at.getTime() - 1_000).toISOString()
    for (const change of [{ reason: 'refused' }, { occurredAt: earlier }]) {
      expect(await sync(token, [{ ...first, ...change }])).toEqual(['client_event_id_reused'])
    }
    const [stop] = await world.db.query<{ outcome: any }>('select outcome from stops where id = $1', [
      third.id,
    ])
    expect(stop?.outcome.reason).toBe('no_access')
  })
})

describe('what was refused', () => {
  it('is listed for ops in pages, newest first, until it is taken', async () => {
    const day = await startedRoute(world, 4)
    const [stop] = stopsOf(day)
    const at = later(1)
    later(1)
    const none = { kind: 'photo', fileId: newId() }
    const events = [1, 2, 3].map((index) => event(stop, at, { clientEventId: `${index}`, proof: none }))
    for (const each of events) expect(await sync(day.driver.token, [each])).toEqual(['proof_file_unknown'])
    const page = (query: string) =>
      expecting(200, world.asOps('GET', `/v1/dispatch/refused-reports?hubId=${day.hub.id}&${query}`))
    const first = await page('limit=2')
    expect(first.items[0]).toMatchObject({
      driverId: day.driver.id,
      stopId: stop.id,
      orderId: stop.orderId,
      type: 'deliver',
      proof: 'photo',
      code: 'proof_file_unknown',
      occurredAt: at.toISOString(),
    })
    const second = await page(`limit=2&cursor=${first.nextCursor}`)
    expect([first.items.length, second.items.length, second.nextCursor]).toEqual([2, 1, null])
    // Corrected under the same id it is taken.
    expect(await sync(day.driver.token, [event(stop, at, { clientEventId: '1' })])).toEqual(['applied'])
    expect((await page('')).items).toHaveLength(2)
  })
})

describe('a delivery that is known late', () => {
  it('counts after a failed try until somebody has decided what comes next', async () => {
    const day = await startedRoute(world, 4)
    const [decided, undecided] = stopsOf(day)
    const at = later(1)
    later(1)
    expect(await sync(day.driver.token, [failed(decided, at), failed(undecided, at)])).toEqual([
      'applied',
      'applied',
    ])
    const path = `/v1/dispatch/deliveries/${decided.orderId}/decide`
    await expecting(200, world.asOps('POST', path, { action: 'return' }))
    const events = [event(decided, at), event(undecided, at)]
    expect(await sync(day.driver.token, events)).toEqual(['stop_outcome_conflict', 'applied'])
    expect(await statusOf(world, decided.orderId)).toBe('returning')
    expect(await stopStatus(decided)).toBe('failed')
    expect(await statusOf(world, undecided.orderId)).toBe('delivered')
    expect((await refusedOf(day.hub.id)).map(({ stopId }) => stopId)).toEqual([decided.id])
  })
})
