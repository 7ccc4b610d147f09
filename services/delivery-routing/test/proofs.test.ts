import { newId } from '@urbanbloom/service-kit/ids'
import { openStream } from '@urbanbloom/test-kit/event-stream'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { forgetOldProofFiles } from '../src/proofs/proof-files.ts'
import { jpeg, type StartedRoute, sendBytes, startedRoute } from './driving-day.ts'
import { createDriver, createWorld, expecting, type World } from './world.ts'

let world: World
let day: StartedRoute
let later = 0
beforeAll(async () => {
  world = await createWorld({ overrides: { now: () => new Date(Date.now() + later) } })
  day = await startedRoute(world, 11)
})
afterAll(() => world.close())

const stopAt = (position: number) => {
  const stop = day.route.stops[position]
  if (stop === undefined) throw new Error(`No stop ${position}`)
  return stop
}
const upload = (stopId: string, bytes: Buffer, changes: { token?: string; contentType?: string } = {}) =>
  sendBytes(`${world.url}/v1/driver/stops/${stopId}/proof-files`, {
    token: day.driver.token,
    contentType: 'image/jpeg',
    bytes,
    ...changes,
  })
const handover = (stop: { orderId: string }, body?: object) =>
  world.call(
    body === undefined ? 'GET' : 'POST',
    `/v1/orders/${stop.orderId}/tracking/handover`,
    day.orderOf(stop).token,
    body,
  )

describe('a picture', () => {
  it('is kept once, proves a delivery, and is shown to those of the order alone', async () => {
    const stop = stopAt(0)
    const photo = jpeg('a plant at a door')
    const first = await upload(stop.id, photo)
    expect(first).toMatchObject({ status: 201, body: { stopId: stop.id, contentType: 'image/jpeg' } })
    const fileId = first.body.id
    const again = await Promise.all([upload(stop.id, photo), upload(stop.id, photo)])
    expect(again.map(({ body }) => body.id)).toEqual([fileId, fileId])

    const proof = { kind: 'photo', fileId }
    const outcome = await expecting(200, day.drive(`stops/${stop.id}/deliver`, { proof }))
    expect(outcome).toMatchObject({ status: 'delivered', proof })

    const order = day.orderOf(stop)
    const stranger = world.tokenFor(newId(), 'customer')
    const otherDriver = await createDriver(world)
    const tracking = `/v1/orders/${stop.orderId}/tracking/proof-files/${fileId}`
    const seen = async (path: string, token: string) => {
      const response = await fetch(world.url + path, { headers: { authorization: `Bearer ${token}` } })
      return {
        status: response.status,
        type: response.headers.get('content-type'),
        bytes: Buffer.from(await response.arrayBuffer()),
      }
    }
    for (const [path, token] of [
      [tracking, order.token],
      [`/v1/driver/proof-files/${fileId}`, day.driver.token],
      [`/v1/dispatch/proof-files/${fileId}`, world.ops],
    ] as const) {
      expect(await seen(path, token)).toEqual({ status: 200, type: 'image/jpeg', bytes: photo })
    }
    expect((await seen(tracking, stranger)).status).toBe(404)
    expect((await seen(`/v1/driver/proof-files/${fileId}`, otherDriver.token)).status).toBe(404)
    expect((await seen(`/v1/driver/proof-files/${newId()}`, day.driver.token)).status).toBe(404)
    later = 48 * 3_600_000
    const afterShift = await seen(`/v1/driver/proof-files/${fileId}`, day.driver.token)
    later = 0
    expect(afterShift.status).toBe(404)
  })

  it('must be one, by its bytes, and not too large', async () => {
    const { id } = stopAt(1)
    expect((await upload(id, Buffer.from('<svg/>'))).body.code).toBe('image_expected')
    expect((await upload(id, Buffer.from('%PDF'), { contentType: 'application/pdf' })).status).toBe(415)
    expect((await upload(id, Buffer.concat([jpeg(''), Buffer.alloc(3 * 1024 * 1024)]))).body).toMatchObject({
      status: 413,
      detail: expect.stringContaining('3145728'),
    })
    const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1])
    expect((await upload(id, png)).body.contentType).toBe('image/png')
    const stranger = await createDriver(world)
    expect((await upload(id, jpeg('x'), { token: stranger.token })).body.code).toBe('stop_not_found')
    expect((await upload(newId(), jpeg('x'))).body.code).toBe('stop_not_found')
  })

  it('of another stop proves nothing, and a stop has at most ten', async () => {
    const [one, other] = [stopAt(1), stopAt(2)]
    const { body } = await upload(other.id, jpeg('of the other stop'))
    for (const fileId of [body.id, newId()]) {
      const answer = await day.drive(`stops/${one.id}/deliver`, { proof: { kind: 'signature', fileId } })
      expect([answer.status, answer.body.code]).toEqual([422, 'proof_file_unknown'])
    }
    for (let index = 1; index < 10; index += 1)
      expect((await upload(other.id, jpeg(`${index}`))).status).toBe(201)
    expect((await upload(other.id, jpeg('the eleventh'))).body.code).toBe('too_many_proof_files')
  })

  it('is removed with its object when it is old or its upload broke off, and no other is', async () => {
    const stop = stopAt(3)
    const ids = []
    for (const content of ['old', 'broken off', 'young'])
      ids.push((await upload(stop.id, jpeg(content))).body.id)
    await world.db.query(`update proof_files set created_at = now() - interval '181 days' where id = $1`, [
      ids[0],
    ])
    await world.db.query(
      `update proof_files set created_at = now() - interval '25 hours', stored_at = null where id = $1`,
      [ids[1]],
    )
    const keys = await world.db.query<{ object_key: string }>(
      'select object_key from proof_files where stop_id = $1 order by id',
      [stop.id],
    )
    expect(await forgetOldProofFiles(world.ctx)).toBe(2)
    const left = await Promise.all(keys.map(({ object_key }) => world.ctx.objects.get(object_key)))
    expect(left.map((object) => object?.body.toString().slice(4) ?? null)).toEqual([null, null, 'young'])
  })
})

describe('a code', () => {
  it('is shown to the customer from the start of the route, and a right one counts as verified', async () => {
    const [stop, other] = [stopAt(4), stopAt(5)]
    const { code } = await expecting(200, handover(stop))
    expect(code).toMatch(/^\d{6}$/)
    const order = day.orderOf(stop)
    const tracking = await expecting(
      200,
      world.call('GET', `/v1/orders/${stop.orderId}/tracking`, order.token),
    )
    expect(tracking.deliveryCode).toBe(code)
    const link = await expecting(
      201,
      world.call('POST', `/v1/orders/${stop.orderId}/tracking-links`, order.token),
    )
    const shared = await expecting(200, world.call('GET', `/v1/tracking/${link.token}`))
    expect(JSON.stringify(shared)).not.toContain(code)
    const stream = await openStream(`${world.url}/v1/tracking/${link.token}/events`)
    const { data } = await stream.find('the state', ({ event }) => event === 'tracking')
    await stream.close()
    expect(data).toEqual(shared)
    const right = await expecting(
      200,
      day.drive(`stops/${stop.id}/deliver`, { proof: { kind: 'code', code } }),
    )
    expect(right.proof).toEqual({ kind: 'code', verified: true })
    const unverified = await expecting(
      200,
      day.drive(`stops/${other.id}/deliver`, { proof: { kind: 'code', code: 'none' } }),
    )
    expect(unverified.proof).toEqual({ kind: 'code', verified: false })
  })

  it('that the customer requires is the only proof, may be guessed five times, and can be made anew', async () => {
    const stop = stopAt(6)
    await expecting(200, handover(stop, { requireCode: true }))
    const deliver = (proof: object) => day.drive(`stops/${stop.id}/deliver`, { proof })
    expect((await deliver({ kind: 'signature', name: 'Casey' })).body.code).toBe('code_required')
    const { code } = await expecting(200, handover(stop))
    const wrong = Array.from({ length: 5 }, (_, index) =>
      String((Number(code) + index + 1) % 1_000_000).padStart(6, '0'),
    )
    for (const each of [...wrong, wrong[0]]) {
      const answer = await deliver({ kind: 'code', code: each })
      expect(answer.status).toBeGreaterThanOrEqual(400)
    }
    expect((await deliver({ kind: 'code', code })).body.code).toBe('code_locked')
    const refused = await world.db.query(
      `select distinct result->>'code' as reason from driver_events
       where stop_id = $1 and result->>'status' = 'rejected' order by reason`,
      [stop.id],
    )
    expect(refused.map(({ reason }) => reason)).toEqual(['code_locked', 'code_required', 'code_wrong'])
    const renewed = await expecting(200, handover(stop, { renewCode: true }))
    expect((await expecting(200, deliver({ kind: 'code', code: renewed.code }))).proof.verified).toBe(true)
    expect((await handover(stop, { requireCode: false })).body.code).toBe('handover_over')
  })
})

describe('how it is handed over', () => {
  it('is left at the door only while the customer allows it, as the driver sees', async () => {
    const stop = stopAt(7)
    const proof = { kind: 'photo', data: jpeg('at the door').toString('base64') }
    const leave = () => day.drive(`stops/${stop.id}/deliver`, { proof, leftAtDoor: true })
    expect((await leave()).body.code).toBe('leave_at_door_not_allowed')
    const before = await world.call('GET', '/v1/driver/route', day.driver.token)
    await expecting(200, handover(stop, { leaveAtDoor: true }))
    const after = await world.call('GET', '/v1/driver/route', day.driver.token)
    expect(after.headers.etag).not.toBe(before.headers.etag)
    expect(after.body.stops[7]).toMatchObject({ leaveAtDoor: true, requireCode: false })
    expect((await handover(stop, { requireCode: true })).body.code).toBe('handover_contradiction')
    const allowedAt = new Date().toISOString()
    await expecting(200, handover(stop, { leaveAtDoor: false }))
    expect((await leave()).body.code).toBe('leave_at_door_not_allowed')
    // It was allowed when the driver left it there, in a place without signal.
    const event = {
      clientEventId: newId(),
      type: 'deliver',
      stopId: stop.id,
      occurredAt: allowedAt,
      proof,
      leftAtDoor: true,
    }
    const { results } = await expecting(200, day.drive('sync', { events: [event] }))
    expect(results[0].status).toBe('applied')
  })

  it('may leave out some parcels, with the reason, but not all', async () => {
    const stop = stopAt(8)
    await world.db.query('update deliveries set parcels = 3 where order_id = $1', [stop.orderId])
    const undelivered = { parcels: 1, reason: 'damaged', items: [{ productId: newId(), quantity: 2 }] }
    const proof = { kind: 'signature', name: 'Casey' }
    const deliver = (parcels: number) =>
      day.drive(`stops/${stop.id}/deliver`, { proof, undelivered: { ...undelivered, parcels } })
    expect((await deliver(3)).body.code).toBe('nothing_delivered')
    expect((await expecting(200, deliver(1))).undelivered).toEqual(undelivered)
    const told = () =>
      world.peers.events.find(
        ({ to, event }) =>
          to === 'order' && event.type === 'delivery.delivered' && event.data.orderId === stop.orderId,
      )
    await waitFor(() => told() !== undefined, { describe: 'order to learn of it' })
    expect(told()?.event.data).toMatchObject({ undelivered })
  })

  it('fails for a reason of the list, or in the driver’s own words', async () => {
    const listed = await expecting(
      200,
      day.drive(`stops/${stopAt(9).id}/fail`, { reason: 'no_access', note: 'Gate locked' }),
    )
    expect(listed).toMatchObject({ status: 'failed', reason: 'no_access', reasonCode: 'no_access' })
    const free = await expecting(200, day.drive(`stops/${stopAt(10).id}/fail`, { reason: 'A dog' }))
    expect(free).toMatchObject({ reason: 'A dog', reasonCode: 'other' })
  })

  it('is chosen by the customer of the order alone', async () => {
    const stranger = world.tokenFor(newId(), 'customer')
    const path = `/v1/orders/${stopAt(0).orderId}/tracking/handover`
    expect((await world.call('GET', path, stranger)).body.code).toBe('order_not_found')
    expect((await world.call('POST', path, stranger, { leaveAtDoor: true })).body.code).toBe(
      'order_not_found',
    )
    expect((await world.call('POST', path, stranger, { leaveAtDor: true })).status).toBe(400)
  })
})
