import { openStream } from '@urbanbloom/test-kit/event-stream'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decideByDefault } from '../src/deliveries/decide-by-default.ts'
import type { Message } from '../src/messages/message.ts'
import { linkOfMessage } from '../src/tracking/tracking-links.ts'
import { startedRoute } from './driving-day.ts'
import { createDriver, createWorld, expecting, statusOf, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.close())

describe('a driver’s stream that goes on where it was long ago', () => {
  const behind = async (sequences: { last: number; kept: [number, number] | null; seen: number }) => {
    const driver = await createDriver(world)
    const stream = `driver:${driver.id}`
    await world.db.query('insert into event_streams (stream, last_sequence) values ($1, $2)', [
      stream,
      sequences.last,
    ])
    const [from, to] = sequences.kept ?? [1, 0]
    await world.db.query(
      `insert into route_events (stream, sequence, type, data)
       select $1, n, 'stop.arrived', '{}' from generate_series($2::int, $3::int) n`,
      [stream, from, to],
    )
    return openStream(`${world.url}/v1/driver/route/events`, {
      token: driver.token,
      lastEventId: String(sequences.seen),
    })
  }

  it('says so where all that it missed is forgotten, once', async () => {
    const stream = await behind({ last: 10, kept: null, seen: 3 })
    const resync = await stream.find('the gap', ({ event }) => event === 'resync')
    expect(resync.id).toBe('10')
    await stream.close()
    expect(stream.events.map(({ event }) => event)).toEqual(['ready', 'resync'])
  })

  it('says so where the oldest of it are forgotten, and not where nothing is', async () => {
    const stream = await behind({ last: 10, kept: [6, 10], seen: 3 })
    await stream.find('the end', ({ id }) => id === '10')
    await stream.close()
    expect(stream.events.map(({ id, event }) => `${id} ${event}`).slice(0, 3)).toEqual([
      '3 ready',
      '5 resync',
      '6 stop.arrived',
    ])
    const whole = await behind({ last: 10, kept: [4, 10], seen: 3 })
    await whole.find('the end', ({ id }) => id === '10')
    await whole.close()
    expect(whole.events.some(({ event }) => event === 'resync')).toBe(false)
  })

  it('gets all of it, page after page, without waiting for news', async () => {
    const stream = await behind({ last: 2_300, kept: [1, 2_300], seen: 0 })
    await stream.find('the end', ({ id }) => id === '2300')
    await stream.close()
    const ids = stream.events.filter(({ event }) => event === 'stop.arrived').map(({ id }) => Number(id))
    expect(ids).toEqual(Array.from({ length: 2_300 }, (_, index) => index + 1))
  })
})

describe('links to an order', () => {
  it('are listed and revoked, those in mails too; who looks at one sees that at once', async () => {
    const day = await startedRoute(world, 2)
    const [stop] = day.route.stops
    if (stop === undefined) throw new Error('The route has no stops')
    const { token } = day.orderOf(stop)
    const links = `/v1/orders/${stop.orderId}/tracking-links`
    const shared = await expecting(201, world.call('POST', links, token))
    const [row] = await world.db.query<Message>(
      'select id, order_id as "orderId", facts from messages where order_id = $1 limit 1',
      [stop.orderId],
    )
    if (row === undefined) throw new Error('The customer is told nothing')
    const { url } = await linkOfMessage(world.ctx, row)
    const mailed = url.split('/').at(-1) ?? ''
    const list = async () =>
      (await expecting(200, world.call('GET', links, token))).items as { id: string; madeFor: string }[]
    expect((await list()).map(({ madeFor }) => madeFor).toSorted()).toEqual(['mail', 'sharing'])
    for (const [linkToken, id] of [
      [shared.token, shared.id],
      [mailed, (await list()).find(({ madeFor }) => madeFor === 'mail')?.id],
    ]) {
      const stream = await openStream(`${world.url}/v1/tracking/${linkToken}/events`)
      await stream.find('the state', ({ event }) => event === 'tracking')
      await expecting(204, world.call('DELETE', `${links}/${id}`, token))
      await waitFor(() => stream.isEnded(), { describe: 'the stream of a revoked link to end' })
      expect((await world.call('GET', `/v1/tracking/${linkToken}`)).status).toBe(404)
    }
    expect(await list()).toEqual([])
    // A mail that is sent again does not bring it back.
    await linkOfMessage(world.ctx, row)
    expect((await world.call('GET', `/v1/tracking/${mailed}`)).status).toBe(404)
  })
})

describe('the rule for failed deliveries', () => {
  it('goes on to the others where one cannot be decided', async () => {
    const other = await createWorld()
    try {
      const day = await startedRoute(other, 2)
      const [stuck, next] = day.route.stops
      if (stuck === undefined || next === undefined) throw new Error('The route has too few stops')
      for (const [minutes, stop] of [
        [20, stuck],
        [10, next],
      ] as const) {
        await expecting(200, day.drive(`stops/${stop.id}/fail`, { reason: 'no_access' }))
        await other.db.query(
          `update deliveries set updated_at = now() - interval '1 day' - make_interval(mins => $2) where order_id = $1`,
          [stop.orderId, minutes],
        )
      }
      await other.admin(
        `create function delivery.refuse() returns trigger language plpgsql as
           $$ begin raise exception 'this one cannot be decided'; end $$`,
      )
      await other.admin(
        `create trigger refuse before update on delivery.deliveries for each row
           when (old.order_id = '${stuck.orderId}') execute function delivery.refuse()`,
      )
      await expect(decideByDefault(other.ctx)).rejects.toThrow('cannot be decided')
      expect(await statusOf(other, stuck.orderId)).toBe('failed')
      expect(await statusOf(other, next.orderId)).toBe('confirmed')
    } finally {
      await other.close()
    }
  })
})
