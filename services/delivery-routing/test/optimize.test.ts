import { request as httpRequest, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { newId } from '@urbanbloom/service-kit/ids'
import { request } from '@urbanbloom/test-kit/http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createWorld, expecting, type World } from './world.ts'

/** Places on a line, a minute and a kilometer from each other. */
export function line(size: number) {
  const rows = (step: number) => {
    const places = [...Array(size).keys()]
    return places.map((a) => places.map((b) => step * Math.abs(a - b)))
  }
  return { durations: rows(60), distances: rows(1_000) }
}

const depot = { start_index: 0, end_index: 0 }

describe('POST /v1/optimize', () => {
  let world: World
  beforeAll(async () => {
    world = await createWorld({ env: { OPTIMIZE_QUEUE_MAX: '1' } })
  })
  afterAll(() => world.close())
  const optimize = (body: unknown, headers: Record<string, string> = {}) =>
    request('POST', `${world.url}/v1/optimize`, { token: world.ops, body, headers })
  const solved = async (body: object, iterations = 200) =>
    expecting(200, optimize({ options: { maxIterations: iterations, timeLimitMs: 10_000 }, ...body }))
  const faultsOf = async (body: unknown) => {
    const answer = await expecting(400, optimize(body))
    expect(answer.code).toBe('validation_failed')
    return Object.fromEntries(answer.errors.map((each: any) => [each.path, each.message]))
  }

  it("answers in VROOM's fields", async () => {
    const answer = await solved({
      jobs: [
        { id: 1, location_index: 1, service: 300, setup: 60, delivery: [1], description: 'first' },
        { id: 2, location_index: 2, service: 300, pickup: [2], skills: [7], priority: 10 },
      ],
      shipments: [
        {
          amount: [1],
          pickup: { id: 1, location_index: 3 },
          delivery: { id: 1, location_index: 4, service: 5 },
        },
      ],
      vehicles: [
        { id: 9, ...depot, capacity: [4], skills: [7], time_window: [28_800, 43_200], description: 'van' },
      ],
      matrices: { car: line(5) },
    })
    expect(answer).toEqual({
      code: 0,
      summary: {
        cost: 480,
        routes: 1,
        unassigned: 0,
        delivery: [2],
        amount: [2],
        pickup: [3],
        setup: 60,
        service: 605,
        duration: 480,
        waiting_time: 0,
        priority: 10,
        distance: 8_000,
        violations: [],
        computing_times: {
          loading: expect.any(Number),
          solving: expect.any(Number),
          routing: expect.any(Number),
        },
      },
      unassigned: [],
      routes: [
        expect.objectContaining({ vehicle: 9, description: 'van', cost: 480, priority: 10, violations: [] }),
      ],
    })
    const { steps } = answer.routes[0]
    expect(steps[0]).toEqual({
      type: 'start',
      location_index: 0,
      setup: 0,
      service: 0,
      waiting_time: 0,
      load: [1],
      arrival: 28_800,
      duration: 0,
      distance: 0,
      violations: [],
    })
    const job = steps.find((step: any) => step.type === 'job' && step.id === 1)
    expect(job).toMatchObject({ job: 1, setup: 60, service: 300, description: 'first', location_index: 1 })
    expect(steps.map((step: any) => step.type).toSorted()).toEqual(
      ['delivery', 'end', 'job', 'job', 'pickup', 'start'].toSorted(),
    )
    expect(steps.at(-1)).toMatchObject({ type: 'end', duration: 480, distance: 8_000, load: [2] })
    expect(steps.at(-1).arrival).toBe(28_800 + 480 + 60 + 605)
  })

  it('says why tasks are left out', async () => {
    const answer = await solved({
      jobs: [
        { id: 1, location_index: 1, delivery: [9] },
        { id: 2, location_index: 1, skills: [3] },
        { id: 3, location_index: 4, time_windows: [[0, 30]] },
        { id: 4, location: [1, 2], location_index: 1, delivery: [4], description: 'fits' },
      ],
      vehicles: [{ id: 1, ...depot, capacity: [5] }],
      matrices: { car: line(5) },
    })
    expect(answer.unassigned.map(({ id, type, reason }: any) => [id, type, reason])).toEqual([
      [1, 'job', 'capacity'],
      [2, 'job', 'skills'],
      [3, 'job', 'time_window'],
    ])
    expect(answer.routes[0].steps[1]).toMatchObject({ id: 4, location: [1, 2], description: 'fits' })
    expect(answer.summary).toMatchObject({ unassigned: 3, routes: 1 })
  })

  it('finds travel times where there are no matrices, and draws straight lines', async () => {
    const answer = await solved({
      jobs: [{ id: 1, location: [-84.36, 33.76] }],
      vehicles: [{ id: 1, start: [-84.35, 33.75], end: [-84.35, 33.75] }],
      options: { g: true, timeLimitMs: 500 },
    })
    expect(answer.routes[0].distance).toBeGreaterThan(3_000)
    expect(answer.routes[0].distance).toBeLessThan(5_000)
    expect(answer.routes[0].geometry).toBe('ox~lEnryaOo}@n}@n}@o}@')
  })

  it('takes the costs of vehicles, profiles and their matrices', async () => {
    const { durations, distances } = line(4)
    const job = [{ id: 1, location_index: 3, service: 3_600 }]
    const costOf = async (vehicle: object, matrix: object = { durations, distances }) =>
      (await solved({ jobs: job, vehicles: [{ id: 1, ...depot, ...vehicle }], matrices: { car: matrix } }))
        .summary.cost
    expect(await costOf({})).toBe(360)
    expect(await costOf({ costs: { fixed: 1_000, per_hour: 7_200 } })).toBe(1_720)
    expect(await costOf({ costs: { per_hour: 0, per_km: 50 } })).toBe(300)
    expect(await costOf({ costs: { per_km: 50, per_task_hour: 12 }, max_distance: 6_000 })).toBe(672)
    expect(await costOf({ speed_factor: 0.5 })).toBe(720)
    const costs = durations.map((row) => row.map((cell) => cell * 3))
    expect(await costOf({}, { durations, costs })).toBe(1_080)
    const bike = { durations: durations.map((row) => row.map((cell) => cell * 2)) }
    const answer = await solved({
      jobs: [{ id: 1, location_index: 1, time_windows: [[0, 60]] }],
      vehicles: [
        { id: 1, ...depot, profile: 'bike', time_window: [0, 500] },
        { id: 2, ...depot, time_window: [0, 500] },
      ],
      matrices: { bike, car: { durations } },
    })
    expect(answer.routes).toMatchObject([{ vehicle: 2, duration: 120 }])
    expect(answer.routes[0]).not.toHaveProperty('distance')
  })

  it('serves by type of vehicle, takes breaks, and counts a setup into the window', async () => {
    const answer = await solved({
      jobs: [
        {
          id: 1,
          location_index: 2,
          service: 900,
          service_per_type: { fast: 100 },
          setup: 50,
          time_windows: [[200, 200]],
        },
      ],
      vehicles: [
        {
          id: 1,
          ...depot,
          type: 'fast',
          time_window: [0, 700],
          breaks: [{ id: 4, service: 30, time_windows: [[400, 500]], description: 'tea' }],
        },
      ],
      matrices: { car: line(3) },
    })
    const rows = answer.routes[0].steps.map((step: any) => [
      step.type,
      step.arrival,
      step.waiting_time,
      step.setup,
      step.service,
      step.duration,
    ])
    expect(rows).toEqual([
      ['start', 80, 0, 0, 0, 0],
      ['job', 200, 0, 50, 100, 120],
      ['break', 400, 0, 0, 30, 170],
      ['end', 500, 0, 0, 0, 240],
    ])
    expect(answer.routes[0].steps[2]).toMatchObject({ id: 4, description: 'tea' })
  })

  it('skips the setup of a task where the vehicle already stands', async () => {
    const job = { location_index: 1, setup: 100, service: 10, time_windows: [[0, 1_000]] }
    const { routes } = await solved({
      jobs: [1, 2, 3].map((id) => ({ id, ...job })),
      vehicles: [{ id: 1, ...depot }],
      matrices: { car: line(2) },
    })
    expect(routes[0]).toMatchObject({ setup: 100, service: 30, duration: 120 })
  })

  it('is never worse than the steps that it is given, and refuses steps that break something', async () => {
    const body = {
      jobs: [1, 2, 3].map((id) => ({ id, location_index: id })),
      vehicles: [{ id: 1, ...depot, steps: [3, 1, 2].map((id) => ({ type: 'job', id })) }],
      matrices: { car: line(4) },
    }
    expect((await solved(body)).summary.cost).toBe(360)
    const tight = {
      ...body,
      jobs: [...body.jobs.slice(0, 2), { id: 3, location_index: 3, time_windows: [[0, 9]] }],
    }
    expect(await faultsOf(tight)).toEqual({ 'vehicles.0.steps': expect.stringContaining('time windows') })
  })

  it('is for ops alone', async () => {
    const body = { jobs: [], vehicles: [{ id: 1, ...depot }], matrices: { car: line(1) } }
    expect((await request('POST', `${world.url}/v1/optimize`, { body })).status).toBe(401)
    for (const role of ['customer', 'driver'] as const) {
      const answer = await world.call('POST', '/v1/optimize', world.tokenFor(newId(), role), body)
      expect(answer).toMatchObject({ status: 403, body: { code: 'role_required' } })
    }
    expect((await solved(body)).routes).toEqual([])
  })

  it('names every fault with its path', async () => {
    const matrix = [[0, 1, 2], [1, 0], 'row']
    expect(
      await faultsOf({
        jobs: [
          { id: 1, location_index: 0, time_windows: [[5, 3]], colour: 'red' },
          { id: 1, location_index: 9, service: -1, delivery: [1, 2] },
          {
            location_index: 1,
            priority: 101,
            service: 1e12,
            time_windows: [
              [0, 5],
              [5, 9],
            ],
          },
        ],
        shipments: [{ pickup: { id: 1, location_index: 0 } }],
        vehicles: [
          { id: 1, capacity: [1], profile: 'bike', speed_factor: 0 },
          { id: 1, start_index: 0, breaks: [{ id: 1 }, { id: 1 }], costs: { per_km: 1 } },
        ],
        matrices: {
          car: {
            durations: [
              [0, 1],
              [null, 1e12],
            ],
          },
          truck: { durations: matrix },
        },
        options: { timeLimitMs: 5, threads: 4 },
        depot: 1,
      }),
    ).toEqual({
      depot: 'is not a known field',
      'matrices.car.durations.1.0': expect.stringContaining('is null'),
      'matrices.car.durations.1.1': expect.stringContaining('1000000000000'),
      'matrices.truck.durations': expect.stringContaining('must have 2 rows'),
      'jobs.0.colour': 'is not a known field',
      'jobs.0.time_windows.0': 'ends at 3, before it starts at 5',
      'jobs.1.id': '1 is also the id of jobs.0',
      'jobs.1.location_index': 'must be an integer from 0 to 1, is 9',
      'jobs.1.service': 'must be an integer from 0 to 10000000, is -1',
      'jobs.1.delivery': expect.stringContaining('must have 1 entries'),
      'jobs.2.id': expect.stringContaining('is missing'),
      'jobs.2.priority': 'must be an integer from 0 to 100, is 101',
      'jobs.2.service': expect.stringContaining('is 1000000000000'),
      'jobs.2.time_windows.1': 'must start after the window before it ends at 5',
      'shipments.0.delivery': 'is missing: a shipment has a pickup and a delivery',
      'vehicles.0': expect.stringContaining('must have a start or an end'),
      'vehicles.0.profile': 'is "bike", for which matrices holds nothing',
      'vehicles.0.speed_factor': 'must be a number from 0.01 to 5, is 0',
      'vehicles.1.id': '1 is also the id of vehicles.0',
      'vehicles.1.breaks.1.id': '1 is also the id of vehicles.1.breaks.0',
      'vehicles.1.costs.per_km': expect.stringContaining('needs distances'),
      'options.timeLimitMs': expect.stringContaining('from 10 to 60000'),
      'options.threads': 'is not a known field',
    })
    expect((await expecting(400, optimize('{"jobs":'))).code).toBe('invalid_json')
    expect((await expecting(400, optimize('{"jobs":NaN}'))).code).toBe('invalid_json')
    expect((await expecting(400, optimize('[]'))).errors[0]).toMatchObject({ path: 'body' })
    const many = await expecting(
      400,
      optimize({ jobs: Array.from({ length: 2_000 }, () => 0), vehicles: [] }),
    )
    expect(many.errors).toHaveLength(100)
  })

  it('refuses what it would not plan right', async () => {
    const { durations, distances } = line(2)
    const other = distances.map((row) => row.map((cell) => cell + 1))
    const body = (vehicles: object[]) => ({
      jobs: [{ id: 1, location_index: 1 }],
      vehicles: vehicles.map((each, id) => ({ id, ...depot, ...each })),
      matrices: { car: { durations, distances }, bike: { durations, distances: other } },
    })
    const perKm = { costs: { per_km: 1 } }
    expect(await faultsOf(body([perKm, { ...perKm, profile: 'bike' }]))).toEqual({
      'vehicles.1.profile': expect.stringContaining('cannot be planned together'),
    })
    expect(await faultsOf(body([{}, { costs: { per_task_hour: 1 } }]))).toEqual({
      'vehicles.1.costs.per_task_hour': 'must be the same for all vehicles',
    })
    const pause = { id: 1, max_load: [1] }
    expect(await faultsOf(body([{ capacity: [2], breaks: [pause] }]))).toEqual({
      'vehicles.0.breaks.0.max_load': expect.stringContaining('plan mode'),
    })
  })

  it('answers 413 beyond its limit and takes a large matrix below it', async () => {
    const headers = { authorization: `Bearer ${world.ops}`, 'content-type': 'application/json' }
    const refused = await new Promise<IncomingMessage>((resolve, reject) => {
      const sending = httpRequest(
        `${world.url}/v1/optimize`,
        { method: 'POST', headers, agent: false },
        resolve,
      )
      sending.once('error', reject).end(Buffer.alloc(16 * 1024 * 1024 + 1, ' '))
    })
    expect(refused.statusCode).toBe(413)
    expect(JSON.parse(await text(refused))).toMatchObject({ code: 'body_too_large' })
    const size = 300
    const large = await expecting(
      200,
      optimize({
        jobs: Array.from({ length: size - 1 }, (_, index) => ({ id: index, location_index: index + 1 })),
        vehicles: [{ id: 1, ...depot }],
        matrices: { car: line(size) },
        options: { timeLimitMs: 800 },
      }),
    )
    expect(large.summary).toMatchObject({ unassigned: 0, routes: 1 })
  })

  it('streams better plans and then the answer', async () => {
    const body = {
      jobs: Array.from({ length: 60 }, (_, index) => ({ id: index, location_index: (index * 7) % 61 })),
      vehicles: [{ id: 1, ...depot }],
      matrices: { car: line(61) },
      options: { timeLimitMs: 300 },
    }
    const stream = await optimize(body, { accept: 'text/event-stream' })
    expect(stream.headers['content-type']).toContain('text/event-stream')
    const events = (stream.body as string)
      .split('\n\n')
      .filter(Boolean)
      .map((block) => {
        const [event, data] = block.split('\n')
        return { event: event?.slice(7), data: JSON.parse(data?.slice(6) ?? '') }
      })
    expect(events[0]).toMatchObject({
      event: 'progress',
      data: { cost: expect.any(Number), elapsedMs: expect.any(Number) },
    })
    expect(events.at(-1)).toMatchObject({ event: 'answer', data: { code: 0, summary: { unassigned: 0 } } })
    const refused = await optimize({ ...body, jobs: 1 }, { accept: 'text/event-stream' })
    expect(refused).toMatchObject({ status: 400, body: { code: 'validation_failed' } })
  })

  it('refuses beyond its queue, ends a search whose client has left, and counts', async () => {
    const long = {
      jobs: Array.from({ length: 40 }, (_, index) => ({ id: index, location_index: index })),
      vehicles: [{ id: 1, ...depot }],
      matrices: { car: line(40) },
      options: { timeLimitMs: 60_000 },
    }
    const metrics = async () => (await request('GET', `${world.url}/metrics`)).body as string
    const inPool = async (state: string) =>
      Number(
        new RegExp(`optimize_requests\\{[^}]*state="${state}"[^}]*\\} (\\d+)`).exec(await metrics())?.[1],
      )
    const leaving = [new AbortController(), new AbortController()]
    const left = leaving.map(({ signal }) =>
      fetch(`${world.url}/v1/optimize`, {
        method: 'POST',
        signal,
        headers: { authorization: `Bearer ${world.ops}`, 'content-type': 'application/json' },
        body: JSON.stringify(long),
      }).catch((error: Error) => error.name),
    )
    await waitFor(async () => (await inPool('waiting')) === 1 && (await inPool('running')) === 1, {
      describe: 'one request to run and one to wait',
    })
    const refused = await optimize(long)
    expect(refused).toMatchObject({ status: 503, body: { code: 'optimizer_busy' } })
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    for (const controller of leaving) controller.abort()
    expect(await Promise.all(left)).toEqual(['AbortError', 'AbortError'])
    await waitFor(async () => (await inPool('running')) === 0, { describe: 'both to end' })
    expect(await metrics()).toMatch(/optimize_requests_total\{[^}]*outcome="request_cancelled"[^}]*\} 2/)
    expect(
      (await solved({ ...long, options: { maxIterations: 5, timeLimitMs: 9_000 } })).summary.unassigned,
    ).toBe(0)
  })
})

it('ends a search with its best plan when the process stops, and sends away who waits', async () => {
  const world = await createWorld()
  const body = {
    jobs: [{ id: 1, location_index: 1 }],
    vehicles: [{ id: 1, ...depot }],
    matrices: { car: line(2) },
    options: { timeLimitMs: 60_000 },
  }
  const ask = (headers: Record<string, string> = {}) =>
    fetch(`${world.url}/v1/optimize`, {
      method: 'POST',
      headers: { authorization: `Bearer ${world.ops}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  try {
    // A stream begins when the search does.
    const running = await ask({ accept: 'text/event-stream' })
    const waiting = ask()
    await waitFor(
      async () => {
        const { body: metrics } = await request('GET', `${world.url}/metrics`)
        return /optimize_requests\{[^}]*waiting"[^}]*\} 1/.test(metrics)
      },
      { describe: 'the other to wait' },
    )
    world.ctx.optimizer.finish()
    expect(await running.text()).toContain('event: answer')
    for (const refused of [await waiting, await ask()]) {
      expect(refused.status).toBe(503)
      expect(refused.headers.get('x-not-begun')).toBe('1')
      expect(await refused.json()).toMatchObject({ code: 'shutting_down' })
    }
  } finally {
    await world.close()
  }
})
