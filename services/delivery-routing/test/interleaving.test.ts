import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { expect, it } from 'vitest'
import {
  createCrew,
  createHub,
  createWorld,
  eventsOf,
  expecting,
  nearby,
  placeOrder,
  planDay,
  release,
  tomorrow,
  type World,
  windowsOf,
} from './world.ts'

const date = tomorrow()

/** Sentences about what contradicts something else in the database; none when all is well. */
async function contradictions(world: World): Promise<string[]> {
  const queries = {
    'positions of a route have a gap': `
      select r.id from routes r left join stops s on s.route_id = r.id and s.status <> 'removed'
      group by r.id having count(s.id) > 0 and (min(s.position) <> 1 or max(s.position) <> count(s.id))`,
    'a superseded route has stops': `
      select r.id from routes r join stops s on s.route_id = r.id
      where r.status = 'superseded' and s.status <> 'removed'`,
    'a delivery and its stop disagree': `
      select d.order_id from deliveries d
      left join stops s on s.order_id = d.order_id and s.status in ('pending', 'arrived')
      left join routes r on r.id = s.route_id
      where case d.status when 'planned' then r.status is distinct from 'planned'
                          when 'loaded' then r.status is distinct from 'started'
                          else s.id is not null end`,
    'a window counts what it does not hold': `
      select w.id from delivery_windows w
      where held <> (select count(*) from deliveries d where d.window_id = w.id and d.holds_capacity)`,
    'a stream has a gap': `
      select e.stream from route_events e join event_streams s using (stream)
      group by e.stream, s.last_sequence having count(*) <> s.last_sequence`,
  }
  const found: string[] = []
  for (const [sentence, sql] of Object.entries(queries)) {
    const rows = await world.db.query(sql)
    if (rows.length > 0) found.push(`${sentence}: ${JSON.stringify(rows)}`)
  }
  return found
}

it('planning, starting, reordering and cancelling at the same time leave nothing that contradicts', async () => {
  const world = await createWorld()
  try {
    for (let round = 0; round < 4; round += 1) {
      const at = { latitude: 33 + round * 0.3, longitude: -84 }
      const hub = await createHub(world, { ...at, serviceRadiusMeters: 10_000 })
      const crews = [await createCrew(world, hub.id, date), await createCrew(world, hub.id, date)]
      const [window] = await windowsOf(world, date, at)
      const orders = []
      for (let index = 0; index < 10; index += 1) {
        const point = {
          latitude: at.latitude + nearby(index).latitude - 33.7573,
          longitude: at.longitude + nearby(index).longitude + 84.3521,
        }
        orders.push(await placeOrder(world, window?.id ?? '', { at: point, weightGrams: 90_000 }))
      }
      const { routes } = await planDay(world, hub.id, date)
      const reorder = async (route: { id: string; stops: { id: string }[] }) =>
        world.asOps('POST', `/v1/dispatch/routes/${route.id}/reorder`, {
          stopIds: route.stops.map(({ id }) => id).toReversed(),
        })
      const answers = await Promise.all([
        ...orders.slice(0, 5).map(({ orderId }) => release(world, orderId)),
        ...routes.map(reorder),
        world.asOps('POST', '/v1/dispatch/plans', { hubId: hub.id, date }),
        world.call('POST', '/v1/driver/route/start', crews[round % 2]?.driver.token),
        ...orders.slice(3, 6).map(({ orderId }) => release(world, orderId)),
        ...routes.map(reorder),
      ])
      for (const { status, body } of answers) {
        expect([200, 202, 404, 409, 422], JSON.stringify(body)).toContain(status)
      }
      await planDay(world, hub.id, date)
    }
    expect(await contradictions(world)).toEqual([])

    await waitFor(async () => (await world.db.query('select id from delivery_jobs.jobs')).length === 0, {
      describe: 'every event to be carried',
    })
    const last = { planned: 'delivery.scheduled', loaded: 'delivery.out_for_delivery' }
    const rows = await world.db.query<{ order_id: string; status: string; sequence: number }>(
      'select order_id, status, sequence from deliveries',
    )
    expect(new Set(rows.map(({ status }) => status))).toContain('loaded')
    for (const { order_id, status, sequence } of rows) {
      const events = eventsOf(world, order_id)
      expect(events).toHaveLength(sequence)
      if (status === 'planned' || status === 'loaded') expect(events.at(-1)).toBe(last[status])
    }
    expect(
      (await expecting(200, world.asOps('GET', `/v1/dispatch/routes?date=${date}`))).items.length,
    ).toBeGreaterThan(0)
  } finally {
    await world.close()
  }
})
