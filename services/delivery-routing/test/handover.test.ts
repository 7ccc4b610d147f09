import { newId } from '@urbanbloom/service-kit/ids'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { composeMail } from '../src/messages/compose-mail.ts'
import { MessageFacts } from '../src/messages/message.ts'
import { type StartedRoute, startedRoute } from './driving-day.ts'
import { createWorld, eventsOf, expecting, type World } from './world.ts'

const PARCELS = 3
const DEAR = 5
let world: World
let day: StartedRoute
beforeAll(async () => {
  world = await createWorld({ env: { CODE_FROM_CENTS: '20000' } })
  day = await startedRoute(world, DEAR + 4, (index) => ({
    valueCents: index < DEAR ? 20_000 : 19_999,
    parcels: PARCELS,
  }))
})
afterAll(() => world.close())

const signature = { kind: 'signature', name: 'Casey' }
type Stop = { id: string; orderId: string; token: string }
const stopOf = (index: number): Stop => {
  const order = day.orders[index]
  const stop = day.route.stops.find(({ orderId }) => orderId === order?.orderId)
  if (order === undefined || stop === undefined) throw new Error(`No stop of order ${index}`)
  return { ...stop, token: order.token }
}
/** Worth as much as asks for a code; the others are worth a cent less. */
const dear = (index: number) => stopOf(index)
const cheap = (index: number) => stopOf(DEAR + index)
const deliver = ({ id }: Stop, body: object) => day.drive(`stops/${id}/deliver`, body)
const track = ({ orderId, token }: Stop) =>
  expecting(200, world.call('GET', `/v1/orders/${orderId}/tracking`, token))
const handover = ({ orderId, token }: Stop, change?: object) => {
  const path = `/v1/orders/${orderId}/tracking/handover`
  return expecting(200, world.call(change === undefined ? 'GET' : 'POST', path, token, change))
}
async function viewOf({ orderId }: Stop, state = 'delivered') {
  const path = `/v1/dispatch/deliveries?hubId=${day.hub.id}&state=${state}`
  const { items } = await expecting(200, world.asOps('GET', path))
  return items.find(({ id }: { id: string }) => id === orderId)
}

describe('what is worth a lot', () => {
  it('is handed over for the code, as driver and customer see before', async () => {
    const { stops } = await expecting(200, world.call('GET', '/v1/driver/route', day.driver.token))
    const seen = async (stop: Stop) => {
      const driver = stops.find(({ id }: { id: string }) => id === stop.id)
      const { requireCode, codeExpected } = await handover(stop)
      return [driver.requireCode, driver.codeWaivable, requireCode, codeExpected]
    }
    expect(await seen(dear(0))).toEqual([true, true, false, true])
    expect(await seen(cheap(0))).toEqual([false, false, false, false])
    expect((await deliver(dear(0), { proof: signature })).body.code).toBe('code_required')
    const { code } = await handover(dear(0))
    const wrong = { kind: 'code', code: code === '000000' ? '000001' : '000000' }
    expect((await deliver(dear(0), { proof: wrong })).body.code).toBe('code_wrong')
    const done = await expecting(200, deliver(dear(0), { proof: { kind: 'code', code } }))
    expect(done.proof).toEqual({ kind: 'code', verified: true })
    expect((await viewOf(dear(0))).handover).toMatchObject({
      proof: 'code',
      verified: true,
      codeReason: null,
    })
    // A cent less, and any proof will do.
    await expecting(200, deliver(cheap(0), { proof: signature }))
  })

  it('goes without the code for a reason that is kept for ops, also from a phone without signal', async () => {
    const codeReason = 'Phone is dead; showed a passport'
    const done = await expecting(200, deliver(dear(1), { proof: signature, codeReason }))
    expect(done.codeReason).toBe(codeReason)
    expect((await viewOf(dear(1))).handover).toMatchObject({ proof: 'signature', verified: null, codeReason })
    const event = (more: object) => ({
      clientEventId: newId(),
      type: 'deliver',
      stopId: dear(2).id,
      occurredAt: new Date().toISOString(),
      proof: signature,
      ...more,
    })
    const { results } = await expecting(
      200,
      day.drive('sync', { events: [event({}), event({ codeReason })] }),
    )
    expect(results.map(({ status, code }: { status: string; code?: string }) => code ?? status)).toEqual([
      'code_required',
      'applied',
    ])
    expect((await viewOf(dear(2))).handover.codeReason).toBe(codeReason)
  })

  it('may be left at the door where the customer allows it; a customer who wants the code is not talked out of it', async () => {
    await handover(dear(3), { leaveAtDoor: true })
    await expecting(200, deliver(dear(3), { proof: signature, leftAtDoor: true }))
    await handover(dear(4), { requireCode: true })
    const refused = await deliver(dear(4), { proof: signature, codeReason: 'Does not find it' })
    expect(refused.body.code).toBe('code_required')
  })
})

describe('a delivery in part', () => {
  const kept = { parcels: 1, reason: 'damaged', items: [{ productId: newId(), quantity: 1 }] }
  const received = (position: number, body: object = {}) =>
    world.asOps('POST', `/v1/dispatch/deliveries/${cheap(position).orderId}/received`, body)
  const returnsOf = (position: number) =>
    world.peers.events
      .map(({ event }) => event)
      .filter(({ type, data }) => {
        return type === 'delivery.returned' && (data as any).orderId === cheap(position).orderId
      })

  it('is told as such: to the customer, on a shared link, to ops, and in the message', async () => {
    await expecting(200, deliver(cheap(1), { proof: signature, undelivered: kept }))
    expect(await track(cheap(1))).toMatchObject({ status: 'delivered', undeliveredParcels: 1 })
    expect((await track(cheap(0))).undeliveredParcels).toBeNull()
    expect((await viewOf(cheap(1))).handover).toMatchObject({ undelivered: kept, restReturnedAt: null })
    const [message] = await world.db.query<{ facts: MessageFacts }>(
      `select facts from messages where order_id = $1 and kind = 'delivered'`,
      [cheap(1).orderId],
    )
    expect(message?.facts.undelivered).toEqual({ parcels: 1, ofParcels: PARCELS })
  })

  it('brings what the driver kept back into stock, once', async () => {
    const { orderId } = cheap(1)
    expect(await viewOf(cheap(1), 'in_part')).toBeDefined()
    expect(await viewOf(cheap(0), 'in_part')).toBeUndefined()
    const answers = await Promise.all([received(1), received(1)])
    expect(await viewOf(cheap(1), 'in_part')).toBeUndefined()
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    expect((await viewOf(cheap(1))).handover.restReturnedAt).toMatch(/Z$/)
    await expecting(200, received(1))
    await waitFor(() => returnsOf(1).length > 0, { describe: 'inventory to learn of it' })
    expect(returnsOf(1)).toMatchObject([{ data: { lines: kept.items } }])
    // For order it stays delivered.
    expect(eventsOf(world, orderId).at(-1)).toBe('delivery.delivered')
    expect(await track(cheap(1))).toMatchObject({ status: 'delivered', undeliveredParcels: 1 })
  })

  it('needs the lines where the driver named none, and there is nothing to bring back of a whole one', async () => {
    await expecting(200, deliver(cheap(2), { proof: signature, undelivered: { ...kept, items: [] } }))
    expect((await received(2)).body.code).toBe('returned_lines_needed')
    const lines = [{ productId: newId(), quantity: 2 }]
    await expecting(200, received(2, { lines }))
    await waitFor(() => returnsOf(2).length > 0, { describe: 'inventory to learn of it' })
    expect(returnsOf(2)).toMatchObject([{ data: { lines } }])
    expect((await received(0)).body.code).toBe('delivery_not_decidable')
  })

  it('follows the report that counts in the end, as long as nobody was told', async () => {
    const stop = cheap(3)
    const at = (minutesAgo: number, more: object) => ({
      clientEventId: newId(),
      type: 'deliver',
      stopId: stop.id,
      occurredAt: new Date(Date.now() - minutesAgo * 60_000).toISOString(),
      proof: signature,
      ...more,
    })
    const told = async () => {
      const [row] = await world.db.query<{ facts: MessageFacts }>(
        `select facts from messages where order_id = $1 and kind = 'delivered'`,
        [stop.orderId],
      )
      return row?.facts.undelivered
    }
    await expecting(200, day.drive('sync', { events: [at(1, {})] }))
    expect((await track(cheap(3))).undeliveredParcels).toBeNull()
    // As if no process had got to send it yet.
    await world.db.query(
      `update messages set status = 'pending', finished_at = null, tries = 0, note = null,
         lease_until = now() + interval '1 hour'
       where order_id = $1 and kind = 'delivered'`,
      [stop.orderId],
    )
    await expecting(200, day.drive('sync', { events: [at(2, { undelivered: kept })] }))
    expect((await track(cheap(3))).undeliveredParcels).toBe(1)
    expect(await told()).toEqual({ parcels: 1, ofParcels: PARCELS })
    await waitFor(
      () => eventsOf(world, stop.orderId).filter((t) => t === 'delivery.delivered').length === 2,
      {
        describe: 'order to be told both times',
      },
    )
  })
})

describe('the mail of a delivery', () => {
  const mailOf = (undelivered?: MessageFacts['undelivered']) => {
    const facts = MessageFacts.parse({
      orderNumber: 'UB-1',
      window: { start: '2026-06-10T18:00:00.000Z', end: '2026-06-10T20:00:00.000Z' },
      timeZone: 'America/New_York',
      eta: null,
      completedAt: '2026-06-10T18:24:00.000Z',
      reason: null,
      ...(undelivered !== undefined && { undelivered }),
    })
    const link = { url: 'https://urbanbloom.example/track/x', host: 'urbanbloom.example' }
    return composeMail({ id: newId(), kind: 'delivered', facts }, { email: 'a@b.test', name: 'Ash' }, link)
  }

  it('says what is missing, and nothing of it where all was handed over', () => {
    const whole = mailOf()
    expect(whole.subject).toBe('Delivered (UB-1)')
    expect(whole.text).not.toContain('parcels')
    const part = mailOf({ parcels: 1, ofParcels: 3 })
    expect(part.subject).toBe('Delivered in part (UB-1)')
    for (const text of [part.text, part.html]) expect(text).toContain('1 of 3 parcels')
  })
})
