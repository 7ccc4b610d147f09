import type { AddressInfo } from 'node:net'
import { request } from '@urbanbloom/test-kit/http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { forgetOldReports } from '../src/driver/forget-old-reports.ts'
import { createDeliveryRoutingService } from '../src/service.ts'
import { jpeg, type StartedRoute, sendBytes, startedRoute } from './driving-day.ts'
import { type Clock, type Happening, type Schedule, STOPS_PER_RUN, twoHistories } from './histories.ts'
import { createDriver, createWorld, eventsOf, expecting, type World } from './world.ts'

const MINUTE_MS = 60_000
const RUNS = 12

describe('what phones recorded', () => {
  let world: World
  let day: StartedRoute
  let urls: string[]
  let stopOther: () => Promise<void>
  let nextStop = 0
  // It stands still, because the moment at which an event first comes bounds when it can have been.
  const now = new Date()

  beforeAll(async () => {
    world = await createWorld({ overrides: { now: () => now } })
    const other = await createDeliveryRoutingService(world.config, { now: () => now })
    await other.start()
    stopOther = () => other.close()
    urls = [world.url, `http://127.0.0.1:${(other.app.server.address() as AddressInfo).port}`]
    day = await startedRoute(world, RUNS * STOPS_PER_RUN * 2 + 4)
    // Long before all that happens, so that nothing is cut off at the start.
    await world.db.query(`update routes set started_at = $2 where id = $1`, [
      day.route.id,
      new Date(now.getTime() - 600 * MINUTE_MS),
    ])
  })
  afterAll(async () => {
    await stopOther()
    await world.close()
  })

  const takeStops = () => {
    const ids = day.route.stops.slice(nextStop, nextStop + STOPS_PER_RUN).map(({ id }) => id)
    nextStop += STOPS_PER_RUN
    return ids
  }
  const sync = (process: number, body: object) =>
    request('POST', `${urls[process]}/v1/driver/sync`, { token: day.driver.token, body })

  type History = { prefix: string; stops: string[]; clocks: [Clock, Clock]; files: Map<string, string> }

  const toEvent = (each: Happening, index: number, { prefix, stops, clocks, files }: History) => ({
    clientEventId: `${prefix}${index}`,
    type: each.type,
    stopId: stops[each.stop],
    occurredAt: new Date(
      now.getTime() + (clocks[each.device].offsetMinutes - each.minutesAgo) * MINUTE_MS,
    ).toISOString(),
    ...(each.type === 'deliver' && { proof: proofOf(each, files) }),
    ...(each.type === 'fail' && { reason: each.detail }),
  })

  const pictureOf = ({ stop, detail }: Happening) => jpeg(`${stop}${detail}`)
  function proofOf(each: Happening, files: History['files']) {
    switch (each.proof) {
      case 'signature':
        return { kind: 'signature', name: each.detail }
      case 'code':
        return { kind: 'code', code: each.detail }
      case 'file':
        return { kind: 'photo', fileId: files.get(`${each.stop}${each.detail}`) }
      case 'inline':
        return { kind: 'photo', data: pictureOf(each).toString('base64') }
    }
  }

  /** Uploads the pictures that the events name before, as phones do. @returns their ids by stop and content. */
  async function uploadFiles(events: Happening[], stops: string[]): Promise<Map<string, string>> {
    const files = new Map<string, string>()
    for (const each of events.filter(({ type, proof }) => type === 'deliver' && proof === 'file')) {
      const url = `${world.url}/v1/driver/stops/${stops[each.stop]}/proof-files`
      const file = { token: day.driver.token, bytes: pictureOf(each), contentType: 'image/jpeg' }
      const { body } = await sendBytes(url, file)
      files.set(`${each.stop}${each.detail}`, body.id)
    }
    return files
  }

  /** Plays a history on stops of its own, and gives all that may not depend on its course. */
  async function play(
    { events, clocks }: { events: Happening[]; clocks: [Clock, Clock] },
    { order, cuts, processes }: Schedule,
    prefix: string,
  ) {
    const stops = takeStops()
    const history = { prefix, stops, clocks, files: await uploadFiles(events, stops) }
    const batches: { device: 0 | 1; process: number; indices: number[] }[] = []
    for (const [place, index] of order.entries()) {
      const device = events[index]?.device ?? 0
      const open = batches.at(-1)
      if (open === undefined || cuts[place] || open.device !== device) {
        batches.push({ device, process: processes[place] ?? 0, indices: [index] })
      } else open.indices.push(index)
    }
    const bodyOf = (device: 0 | 1, indices: number[]) => ({
      events: indices.map((index) => toEvent(events[index] as Happening, index, history)),
      deviceId: `${prefix}${device}`,
      ...(clocks[device].tells && {
        sentAt: new Date(now.getTime() + clocks[device].offsetMinutes * MINUTE_MS).toISOString(),
      }),
    })
    // Two at a time, so that phones and processes are at work side by side.
    for (let first = 0; first < batches.length; first += 2) {
      const answers = await Promise.all(
        batches
          .slice(first, first + 2)
          .map(({ device, process, indices }) => sync(process, bodyOf(device, indices))),
      )
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    }
    const answers = []
    for (const device of [0, 1] as const) {
      const indices = events.flatMap((each, index) => (each.device === device ? [index] : []))
      answers.push((await expecting(200, sync(device, bodyOf(device, indices)))).results)
    }
    let text = JSON.stringify({ answers, ...(await stateOf(stops)) }).replaceAll(prefix, '')
    // A picture has another id in each history.
    const pictures = await world.db.query<{ id: string; sha256: Buffer }>(
      'select id, sha256 from proof_files where stop_id = any($1::uuid[])',
      [stops],
    )
    for (const { id, sha256 } of pictures) text = text.replaceAll(id, sha256.toString('hex'))
    return JSON.parse(text)
  }

  async function stateOf(stops: string[]) {
    const states = []
    for (const id of stops) {
      const [stop] = await world.db.query(
        `select s.status, s.arrived_at, s.completed_at, s.outcome, s.outcome_occurred_at, s.outcome_event_id,
                d.status as delivery, d.delivered_at, d.failure_reason
         from stops s join deliveries d on d.order_id = s.order_id where s.id = $1`,
        [id],
      )
      const events = await world.db.query(
        `select client_event_id, type, occurred_at, payload, device_id, clock_skew_ms
         from driver_events where stop_id = $1 order by client_event_id`,
        [id],
      )
      states.push({ stop, events })
    }
    return { states }
  }

  it('gives the same state and the same answers in any order, any number of times, from two phones to two processes', async () => {
    let run = 0
    await fc.assert(
      fc.asyncProperty(twoHistories, async ({ one, other, ...happened }) => {
        run += 1
        const first = await play(happened, one, `run-${run}-one-`)
        const second = await play(happened, other, `run-${run}-other-`)
        expect(second).toEqual(first)
      }),
      { numRuns: RUNS, endOnFailure: true },
    )
  })

  it('a delivery outdoes a failed try that came before, and both are told', async () => {
    const [stop] = day.route.stops.slice(-1)
    const shared = { stopId: stop?.id, occurredAt: new Date(now.getTime() - MINUTE_MS).toISOString() }
    const fail = { ...shared, clientEventId: 'late-fail', type: 'fail', reason: 'no_access' }
    const deliver = {
      ...shared,
      clientEventId: 'late-deliver',
      type: 'deliver',
      proof: { kind: 'signature', name: 'a' },
    }
    const failed = await expecting(200, sync(0, { events: [fail] }))
    expect(failed.results[0].status).toBe('applied')
    const both = await expecting(200, sync(1, { events: [fail, deliver] }))
    expect(both.results.map((each: { status: string; code?: string }) => each.code ?? each.status)).toEqual([
      'stop_outcome_conflict',
      'applied',
    ])
    const orderId = stop?.orderId ?? ''
    await waitFor(() => eventsOf(world, orderId).length >= 4, { describe: 'order to learn of both' })
    expect(eventsOf(world, orderId).slice(-2)).toEqual(['delivery.failed', 'delivery.delivered'])
  })

  it('keeps the phone’s own time beside ours', async () => {
    const [stop] = day.route.stops.slice(-2)
    const occurredAt = new Date(now.getTime() + 50 * MINUTE_MS).toISOString()
    const sentAt = new Date(now.getTime() + 60 * MINUTE_MS).toISOString()
    const events = [{ clientEventId: 'clock', type: 'arrive', stopId: stop?.id, occurredAt }]
    await expecting(200, sync(0, { events, sentAt }))
    const [event] = await world.db.query(
      `select e.occurred_at, e.clock_skew_ms, s.arrived_at from driver_events e join stops s on s.id = e.stop_id
       where client_event_id = 'clock'`,
    )
    expect(event).toEqual({
      occurred_at: new Date(occurredAt),
      clock_skew_ms: -60 * MINUTE_MS,
      arrived_at: new Date(now.getTime() - 10 * MINUTE_MS),
    })
  })

  it('says of a stop that is gone, or somebody else’s by now, which it is', async () => {
    const [stop] = day.route.stops.slice(-3)
    const stranger = await createDriver(world)
    const event = (clientEventId: string, stopId = stop?.id) => ({
      clientEventId,
      type: 'arrive',
      stopId,
      occurredAt: now.toISOString(),
    })
    const codeOf = async (token: string, body: object) => {
      const { results } = await expecting(
        200,
        request('POST', `${world.url}/v1/driver/sync`, { token, body }),
      )
      return results[0].code
    }
    expect(await codeOf(stranger.token, { events: [event('x')] })).toBe('stop_reassigned')
    expect(await codeOf(day.driver.token, { events: [event('y', crypto.randomUUID())] })).toBe(
      'stop_not_found',
    )
    await expecting(200, sync(0, { events: [event('used')] }))
    const other = day.route.stops.at(-1)?.id
    expect(await codeOf(day.driver.token, { events: [event('used', other)] })).toBe('client_event_id_reused')
    await world.db.query(
      `update stops set status = 'removed', position = null, arrived_at = null where id = $1`,
      [stop?.id],
    )
    expect(await codeOf(day.driver.token, { events: [event('z')] })).toBe('stop_removed')
    const kept = await world.db.query(
      `select client_event_id, result->>'code' as code from driver_events
       where client_event_id in ('x', 'y', 'z') order by 1`,
    )
    expect(kept).toEqual([
      { client_event_id: 'x', code: 'stop_reassigned' },
      { client_event_id: 'z', code: 'stop_removed' },
    ])
  })

  it('is forgotten after ninety days, and may come again without harm', async () => {
    const stop = day.route.stops.at(-4)
    const event = { clientEventId: 'old', type: 'arrive', stopId: stop?.id, occurredAt: now.toISOString() }
    await expecting(200, sync(0, { events: [event] }))
    await world.db.query(
      `update driver_events set received_at = now() - interval '91 days' where client_event_id = 'old'`,
    )
    const count = async () => (await world.db.query('select 1 from driver_events')).length
    const before = await count()
    await forgetOldReports(world.db)
    expect(await count()).toBe(before - 1)
    expect((await expecting(200, sync(1, { events: [event] }))).results[0].status).toBe('applied')
  })
})
