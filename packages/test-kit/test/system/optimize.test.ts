import { createOps, registerCustomer } from '@urbanbloom/test-kit/people'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, bodyOf, type Caller, expectProblem, openApi } from './api-client.ts'

let system: System
let api: Api
let ops: Caller

beforeAll(async () => {
  system = await startSystem({ programs: ['auth', 'delivery-routing', 'gateway'] })
  api = await openApi(system.gatewayUrl)
  ops = api.as(await createOps(system))
})
afterAll(() => system?.close())

/** A town of places on a circle around its hub, as a VROOM client would send it. */
function town(stops: number) {
  const hub = [-84.3521, 33.7573]
  const at = (index: number) => {
    const angle = index * 2.4
    return [hub[0]! + 0.03 * Math.cos(angle), hub[1]! + 0.03 * Math.sin(angle)]
  }
  return {
    jobs: Array.from({ length: stops }, (_, id) => ({ id, location: at(id), service: 120, delivery: [1] })),
    vehicles: [1, 2].map((id) => ({ id, start: hub, end: hub, capacity: [stops], time_window: [0, 28_800] })),
  }
}

test('a VROOM client gets its plan, in time and as the description says', async () => {
  const body = { ...town(40), options: { timeLimitMs: 500 } }
  const answer = bodyOf(200, await ops.post('/v1/optimize', body))
  expect(answer).toMatchObject({ code: 0, unassigned: [], summary: { unassigned: 0, violations: [] } })
  const served = answer.routes.flatMap(({ steps }: any) => steps.filter(({ type }: any) => type === 'job'))
  expect(served.map(({ id }: any) => id).toSorted((a: number, b: number) => a - b)).toEqual(
    body.jobs.map(({ id }) => id),
  )

  const [route] = answer.routes
  const steps = route.steps.map(({ type, id }: any) => ({ type, ...(id !== undefined && { id }) }))
  const vehicles = body.vehicles.map((vehicle) => ({
    ...vehicle,
    capacity: [1],
    ...(vehicle.id === route.vehicle && { steps }),
  }))
  const planned = bodyOf(200, await ops.post('/v1/optimize', { ...body, vehicles, options: { c: true } }))
  expect(planned.routes).toMatchObject([{ cost: route.cost, violations: [{ cause: 'load' }] }])
})

test('a matrix of 1,000 places passes the entrance', async () => {
  const places = [...Array(1_000).keys()]
  const durations = places.map((a) => places.map((b) => 10 * Math.abs(a - b)))
  const body = {
    jobs: places.slice(1).map((place) => ({ id: place, location_index: place })),
    vehicles: [{ id: 1, start_index: 0, end_index: 0 }],
    matrices: { car: { durations } },
    options: { timeLimitMs: 1_000 },
  }
  const answer = bodyOf(200, await ops.post('/v1/optimize', body))
  expect(answer.summary).toMatchObject({ unassigned: 0, cost: 19_980 })
})

test('faults have paths, and only ops may ask', async () => {
  const body = town(2)
  const faulty = { ...body, jobs: [...body.jobs, { id: 0, location: [200, 0], service: -1 }] }
  const refused = await ops.post('/v1/optimize', faulty)
  expectProblem(refused, 400, 'validation_failed')
  expect(refused.body.errors.map(({ path }: any) => path)).toEqual([
    'jobs.2.location.0',
    'jobs.2.service',
    'jobs.2.id',
  ])
  const customer = api.as(await registerCustomer(system))
  expectProblem(await customer.post('/v1/optimize', body), 403, 'role_required')
  expectProblem(await api.as().post('/v1/optimize', body), 401, 'access_token_required')
})

test('progress and the answer come as a stream', async () => {
  const body = { ...town(60), options: { timeLimitMs: 800 } }
  const { status, body: text } = await ops.post('/v1/optimize', body, { accept: 'text/event-stream' })
  expect(status).toBe(200)
  expect(text).toMatch(/^event: progress\ndata: \{"cost":\d+,"elapsedMs":\d+\}\n\n/)
  expect(text).toMatch(/event: answer\ndata: \{"code":0,.*\}\n\n$/)
})
