import { newId } from '@urbanbloom/service-kit/ids'
import { request } from '@urbanbloom/test-kit/http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jpeg } from './driving-day.ts'
import {
  createCrew,
  createDriver,
  createHub,
  createWorld,
  eventsOf,
  expecting,
  nearby,
  placeOrder,
  planDay,
  release,
  statusOf,
  tomorrow,
  type World,
  windowsOf,
} from './world.ts'

const proof = { kind: 'code', code: '4711' }

describe('a day on the road', () => {
  let world: World
  let hubId: string
  let crew: Awaited<ReturnType<typeof createCrew>>
  let orders: Awaited<ReturnType<typeof placeOrder>>[]
  const date = tomorrow()
  const asDriver = (method: 'GET' | 'POST', path: string, body?: unknown) =>
    world.call(method, path, crew.driver.token, body)

  beforeAll(async () => {
    world = await createWorld()
    hubId = (await createHub(world)).id
    crew = await createCrew(world, hubId, date)
    const windows = await windowsOf(world, date)
    orders = []
    for (let index = 0; index < 4; index += 1) {
      orders.push(await placeOrder(world, windows[index % 2]?.id ?? '', { at: nearby(index) }))
    }
  })
  afterAll(() => world.close())

  it('has no route before the plan', async () => {
    const answer = await asDriver('GET', '/v1/driver/route')
    expect([answer.status, answer.body.code]).toEqual([404, 'no_route'])
    expect((await asDriver('POST', '/v1/driver/route/start')).body.code).toBe('no_route')
  })

  it('plans every delivery and tells order of each', async () => {
    const plan = await planDay(world, hubId, date)
    expect(plan).toMatchObject({ status: 'done', hubId, date, version: 1, unassigned: [] })
    expect(plan.routes).toHaveLength(1)
    const [route] = plan.routes
    expect(route).toMatchObject({ driverId: crew.driver.id, vehicleId: crew.vehicle.id, status: 'planned' })
    expect(route.stops.map((stop: { position: number }) => stop.position)).toEqual([1, 2, 3, 4])
    for (const stop of route.stops) {
      expect(stop.plannedArrival >= stop.window.start && stop.plannedArrival <= stop.window.end).toBe(true)
    }
    for (const { orderId } of orders) {
      await waitFor(() => eventsOf(world, orderId).length > 0, { describe: 'order to learn of the schedule' })
      expect(eventsOf(world, orderId)).toEqual(['delivery.scheduled'])
    }
    const listed = await expecting(200, world.asOps('GET', `/v1/dispatch/routes?date=${date}&hubId=${hubId}`))
    expect(listed.items).toEqual(plan.routes)
  })

  it('shows the driver the next route, with an ETag that changes only with it', async () => {
    const answer = await asDriver('GET', '/v1/driver/route')
    expect(answer.status).toBe(200)
    expect(answer.body.stops[0]).toMatchObject({
      position: 1,
      status: 'pending',
      instructions: 'Ring twice',
      parcels: 1,
      address: { recipient: 'Casey Customer' },
    })
    const etag = answer.headers.etag ?? ''
    const again = await request('GET', `${world.url}/v1/driver/route`, {
      token: crew.driver.token,
      headers: { 'if-none-match': `"other", W/${etag}` },
    })
    expect([again.status, again.body]).toEqual([304, ''])
  })

  it('refuses to serve a stop before the route is started', async () => {
    const { stops } = (await asDriver('GET', '/v1/driver/route')).body
    const answer = await asDriver('POST', `/v1/driver/stops/${stops[0].id}/arrive`)
    expect([answer.status, answer.body.code]).toEqual([409, 'route_not_started'])
  })

  it('loads everything at the start, once, and then gives nothing back', async () => {
    const starts = await Promise.all([1, 2, 3].map(() => asDriver('POST', '/v1/driver/route/start')))
    expect(starts.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(new Set(starts.map(({ body }) => body.startedAt)).size).toBe(1)
    for (const { orderId } of orders) {
      expect(await statusOf(world, orderId)).toBe('loaded')
      const refused = await release(world, orderId)
      expect([refused.status, refused.body.code]).toEqual([409, 'delivery_loaded'])
      await waitFor(() => eventsOf(world, orderId, 'inventory').length > 0, {
        describe: 'inventory to learn',
      })
      expect(eventsOf(world, orderId, 'inventory')).toEqual(['delivery.out_for_delivery'])
    }
  })

  it('shows each customer how many stops are ahead, and the van to the next one only', async () => {
    await expecting(
      202,
      asDriver('POST', '/v1/driver/positions', {
        positions: [
          { recordedAt: new Date().toISOString(), latitude: 33.76, longitude: -84.35, accuracyMeters: 5 },
          { recordedAt: '2020-01-01T00:00:00Z', latitude: 1, longitude: 1, accuracyMeters: 5 },
        ],
      }),
    ).then((body) => expect(body).toEqual({ accepted: 1, ignored: 1 }))
    const { stops } = (await asDriver('GET', '/v1/driver/route')).body
    for (const stop of stops) {
      const order = orders.find(({ orderId }) => orderId === stop.orderId)
      const tracking = await expecting(
        200,
        world.call('GET', `/v1/orders/${stop.orderId}/tracking`, order?.token),
      )
      expect(tracking).toMatchObject({
        orderId: stop.orderId,
        status: 'out_for_delivery',
        stopsAhead: stop.position - 1,
      })
      expect(tracking.eta.start < tracking.eta.end).toBe(true)
      if (stop.position === 1)
        expect(tracking.driverPosition).toMatchObject({ latitude: 33.76, longitude: -84.35 })
      else expect(tracking.driverPosition).toBeNull()
    }
  })

  it('keeps the newest position, whatever comes later', async () => {
    const at = (secondsAgo: number, latitude: number) => ({
      recordedAt: new Date(Date.now() - secondsAgo * 1000).toISOString(),
      latitude,
      longitude: -84.35,
      accuracyMeters: 8,
    })
    await asDriver('POST', '/v1/driver/positions', { positions: [at(0, 33.76005)] })
    await asDriver('POST', '/v1/driver/positions', { positions: [at(600, 33.71)] })
    await asDriver('POST', '/v1/driver/positions', {
      positions: [{ ...at(0, 33.72), accuracyMeters: 5_000 }],
    })
    const { items } = await expecting(200, world.asOps('GET', '/v1/drivers/locations'))
    expect(items).toMatchObject([{ driverId: crew.driver.id, latitude: 33.76005 }])
    const kept = await world.db.query('select latitude from driver_positions where driver_id = $1', [
      crew.driver.id,
    ])
    expect(kept).toEqual([{ latitude: 33.76005 }])
  })

  it('gives the first answer again for the same outcome, and refuses another one', async () => {
    const [first] = (await asDriver('GET', '/v1/driver/route')).body.stops
    const path = `/v1/driver/stops/${first.id}`
    const arrived = await expecting(200, asDriver('POST', `${path}/arrive`))
    expect(arrived).toMatchObject({ id: first.id, orderId: first.orderId, status: 'arrived' })
    expect(await expecting(200, asDriver('POST', `${path}/arrive`))).toEqual(arrived)

    const both = await Promise.all([1, 2, 3].map(() => asDriver('POST', `${path}/deliver`, { proof })))
    expect(both.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(both[1]?.body).toEqual(both[0]?.body)
    const otherProof = { proof: { kind: 'signature', name: 'Casey' } }
    expect(await expecting(200, asDriver('POST', `${path}/deliver`, otherProof))).toEqual(both[0]?.body)
    const refused = await asDriver('POST', `${path}/fail`, { reason: 'nobody home' })
    expect([refused.status, refused.body.code]).toEqual([409, 'stop_outcome_conflict'])
    expect(await statusOf(world, first.orderId)).toBe('delivered')
    await waitFor(() => eventsOf(world, first.orderId).length === 3, { describe: 'order to learn of it' })
    expect(eventsOf(world, first.orderId)).toEqual([
      'delivery.scheduled',
      'delivery.out_for_delivery',
      'delivery.delivered',
    ])
  })

  it('lets only the assigned driver at a stop', async () => {
    const stop = (await asDriver('GET', '/v1/driver/route')).body.stops[1]
    const stranger = await createDriver(world)
    for (const path of ['arrive', 'deliver', 'fail']) {
      const body = path === 'deliver' ? { proof } : path === 'fail' ? { reason: 'x' } : undefined
      const answer = await world.call('POST', `/v1/driver/stops/${stop.id}/${path}`, stranger.token, body)
      expect([answer.status, answer.body.code]).toEqual([404, 'stop_not_found'])
    }
    expect((await world.call('POST', `/v1/driver/stops/${stop.id}/arrive`, world.ops)).status).toBe(403)
    expect((await world.call('POST', `/v1/driver/stops/${stop.id}/arrive`)).status).toBe(401)
  })

  it('applies an offline batch in the order of what happened, once', async () => {
    const { stops } = (await asDriver('GET', '/v1/driver/route')).body
    const [second, third] = [stops[1], stops[2]]
    const event = (type: string, stopId: string, secondsAgo: number, more = {}) => ({
      clientEventId: newId(),
      type,
      stopId,
      occurredAt: new Date(Date.now() - secondsAgo * 1000).toISOString(),
      ...more,
    })
    const events = [
      event('fail', third.id, 1, { reason: 'nobody home' }),
      event('deliver', second.id, 2, { proof }),
      event('arrive', second.id, 3),
      event('deliver', newId(), 3, { proof }),
      event('fail', stops[0].id, 1, { reason: 'too late' }),
    ]
    const answer = await expecting(200, asDriver('POST', '/v1/driver/sync', { events }))
    expect(
      answer.results.map((result: { status: string; code?: string }) => result.code ?? result.status),
    ).toEqual(['applied', 'applied', 'applied', 'stop_not_found', 'stop_outcome_conflict'])
    expect(answer.results.map((result: { clientEventId: string }) => result.clientEventId)).toEqual(
      events.map(({ clientEventId }) => clientEventId),
    )
    const again = await expecting(200, asDriver('POST', '/v1/driver/sync', { events: events.toReversed() }))
    expect(again.results.toReversed()).toEqual(answer.results)
    expect(await statusOf(world, second.orderId)).toBe('delivered')
    expect(await statusOf(world, third.orderId)).toBe('failed')
  })

  it('completes the route with its last stop', async () => {
    const { stops } = (await asDriver('GET', '/v1/driver/route')).body
    await expecting(200, asDriver('POST', `/v1/driver/stops/${stops[3].id}/deliver`, { proof }))
    expect((await asDriver('GET', '/v1/driver/route')).status).toBe(404)
    const { items } = await expecting(200, world.asOps('GET', `/v1/dispatch/routes?date=${date}`))
    expect(items[0].status).toBe('completed')
    const repeated = await asDriver('POST', `/v1/driver/stops/${stops[3].id}/deliver`, { proof })
    expect(repeated.status).toBe(200)
  })

  it('refuses what is not a proof', async () => {
    const path = `/v1/driver/stops/${newId()}/deliver`
    const bad = [
      {},
      { proof: { kind: 'word' } },
      { proof: { kind: 'photo' } },
      { proof: { kind: 'photo', reference: 'album/7' } },
      { proof: { kind: 'photo', fileId: newId(), data: 'aaaa' } },
      { proof: { kind: 'photo', data: 'not base64!' } },
      { proof: { kind: 'code', code: '1', extra: true } },
    ]
    for (const body of bad) {
      const answer = await asDriver('POST', path, body)
      expect([answer.status, answer.body.code]).toEqual([400, 'validation_failed'])
    }
    const sized = (bytes: number) =>
      asDriver('POST', path, {
        proof: { kind: 'photo', data: jpeg('a'.repeat(bytes - 4)).toString('base64') },
      })
    expect((await sized(100 * 1024)).status).toBe(404)
    expect(await sized(100 * 1024 + 1)).toMatchObject({ status: 413, body: { code: 'picture_too_large' } })
  })
})
