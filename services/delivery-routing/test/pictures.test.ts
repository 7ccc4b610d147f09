import { newId } from '@urbanbloom/service-kit/ids'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jpeg, type StartedRoute, sendBytes, startedRoute } from './driving-day.ts'
import { createWorld, expecting, type World } from './world.ts'

let world: World
let day: StartedRoute
let taken = 0
beforeAll(async () => {
  world = await createWorld()
  day = await startedRoute(world, 34)
})
afterAll(() => world.close())

const nextStop = () => {
  const stop = day.route.stops[taken]
  taken += 1
  if (stop === undefined) throw new Error('No stop is left')
  return { ...stop, token: day.orderOf(stop).token }
}
type Stop = ReturnType<typeof nextStop>
const inline = (bytes: Buffer, kind = 'photo') => ({ kind, data: bytes.toString('base64') })
const deliver = ({ id }: Stop, proof: object) => day.drive(`stops/${id}/deliver`, { proof })
const upload = async ({ id }: Stop, content: string) => {
  const url = `${world.url}/v1/driver/stops/${id}/proof-files`
  const { body } = await sendBytes(url, {
    token: day.driver.token,
    bytes: jpeg(content),
    contentType: 'image/jpeg',
  })
  return body.id as string
}
const filesOf = ({ id }: Stop) =>
  world.db.query<{ id: string; object_key: string; stored_at: Date | null }>(
    'select id, object_key, stored_at from proof_files where stop_id = $1',
    [id],
  )
const outcomeOf = async ({ id }: Stop) => {
  const [row] = await world.db.query<{ outcome: any; status: string }>(
    'select outcome, status from stops where id = $1',
    [id],
  )
  return row
}
/** What somebody with a link sees: the bytes of the photo, or the status where there is none. */
async function sharedPhoto({ orderId, token }: Stop): Promise<{ has: boolean; seen: string | number }> {
  const link = await expecting(201, world.call('POST', `/v1/orders/${orderId}/tracking-links`, token))
  const { hasPhoto: has } = await expecting(200, world.call('GET', `/v1/tracking/${link.token}`))
  const response = await fetch(`${world.url}/v1/tracking/${link.token}/photo`)
  const bytes = Buffer.from(await response.arrayBuffer())
  return { has, seen: response.status === 200 ? bytes.subarray(4).toString() : response.status }
}
const report = (stop: Stop, proof: object, clientEventId: string = newId()) => ({
  clientEventId,
  type: 'deliver',
  stopId: stop.id,
  occurredAt: new Date().toISOString(),
  proof,
})

describe('a picture that comes with the report', () => {
  it.each(['photo', 'signature'])('is kept like one that was uploaded: %s', async (kind) => {
    const stop = nextStop()
    const proof = inline(jpeg(`inline ${kind}`), kind)
    const first = await expecting(200, deliver(stop, proof))
    const [file, ...others] = await filesOf(stop)
    expect(others).toEqual([])
    expect(first.proof).toEqual({ kind, fileId: file?.id })
    expect((await outcomeOf(stop))?.outcome.proof).toEqual({ kind, fileId: file?.id })
    expect((await world.ctx.objects.get(file?.object_key ?? ''))?.body).toEqual(jpeg(`inline ${kind}`))
    // The first answer again, also with another picture, which nobody needs.
    expect(await expecting(200, deliver(stop, proof))).toEqual(first)
    expect(await expecting(200, deliver(stop, inline(jpeg('another'), kind)))).toEqual(first)
    expect(await filesOf(stop)).toHaveLength(1)
    const path = `/v1/orders/${stop.orderId}/tracking/proof-files/${file?.id}`
    expect((await world.call('GET', path, stop.token)).status).toBe(200)
  })

  it('must be one, by its bytes, and not too large', async () => {
    const stop = nextStop()
    for (const kind of ['photo', 'signature']) {
      const script = await deliver(stop, inline(Buffer.from('<script>alert(1)</script>'), kind))
      expect([script.status, script.body.code]).toEqual([415, 'image_expected'])
      const large = await deliver(stop, inline(jpeg('a'.repeat(100 * 1024)), kind))
      expect([large.status, large.body.code]).toEqual([413, 'picture_too_large'])
    }
    expect((await deliver(stop, { kind: 'photo', reference: 'album/7' })).status).toBe(400)
    expect(await outcomeOf(stop)).toEqual({ outcome: null, status: 'pending' })
    expect(await filesOf(stop)).toEqual([])
  })

  it('is kept from a phone without signal, once, or refused with the reason', async () => {
    const [good, script] = [nextStop(), nextStop()]
    const events = [
      report(good, inline(jpeg('offline'))),
      report(script, inline(Buffer.from('<script>alert(1)</script>'))),
    ]
    for (const _ of [1, 2]) {
      const { results } = await expecting(200, day.drive('sync', { events }))
      expect(results.map((each: any) => each.code ?? each.status)).toEqual(['applied', 'image_expected'])
    }
    const [file, ...others] = await filesOf(good)
    expect(others).toEqual([])
    expect((await outcomeOf(good))?.outcome.proof).toEqual({ kind: 'photo', fileId: file?.id })
    expect(await outcomeOf(script)).toEqual({ outcome: null, status: 'pending' })
    expect(await filesOf(script)).toEqual([])
    const kept = await world.db.query<{ payload: any }>(
      'select payload from driver_events where stop_id = any($1::uuid[])',
      [[good.id, script.id]],
    )
    expect(JSON.stringify(kept)).not.toContain('data')
  })

  it('is one of twenty of a batch; the others are taken with the next one', async () => {
    const stops = Array.from({ length: 21 }, nextStop)
    const events = stops.map((stop, index) => report(stop, inline(jpeg(`${index}`))))
    const codes = async () => {
      const { results } = await expecting(200, day.drive('sync', { events }))
      return results.filter(({ status }: any) => status !== 'applied').map(({ code }: any) => code)
    }
    expect(await codes()).toEqual(['too_many_pictures'])
    expect(await codes()).toEqual([])
  })
})

describe('what a shared link shows of a handover', () => {
  it('is the photo that proves it, uploaded or inline', async () => {
    const [uploaded, sent] = [nextStop(), nextStop()]
    const fileId = await upload(uploaded, 'at the door')
    await upload(uploaded, 'of something else, later')
    expect(await sharedPhoto(uploaded)).toEqual({ has: false, seen: 404 })
    await expecting(200, deliver(uploaded, { kind: 'photo', fileId }))
    expect(await sharedPhoto(uploaded)).toEqual({ has: true, seen: 'at the door' })
    await expecting(200, deliver(sent, inline(jpeg('in the hall'))))
    expect(await sharedPhoto(sent)).toEqual({ has: true, seen: 'in the hall' })
  })

  it('is no signature, and no picture of a try that failed', async () => {
    const [signed, retried] = [nextStop(), nextStop()]
    await expecting(
      200,
      deliver(signed, { kind: 'signature', fileId: await upload(signed, 'Casey Customer') }),
    )
    expect(await sharedPhoto(signed)).toEqual({ has: false, seen: 404 })
    await upload(retried, 'a closed door')
    await expecting(200, day.drive(`stops/${retried.id}/fail`, { reason: 'customer_absent' }))
    const decide = `/v1/dispatch/deliveries/${retried.orderId}/decide`
    await expecting(200, world.asOps('POST', decide, { action: 'retry_today' }))
    const { stops } = await expecting(200, world.call('GET', '/v1/driver/route', day.driver.token))
    const again = stops.find((stop: any) => stop.orderId === retried.orderId && stop.status === 'pending')
    await expecting(200, deliver({ ...retried, id: again.id }, { kind: 'signature', name: 'Casey' }))
    expect(await sharedPhoto(retried)).toEqual({ has: false, seen: 404 })
  })
})
