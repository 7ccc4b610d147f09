import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OptimizeAnswer } from '../src/optimize/answer.ts'
import { carryOut, toAnswer } from '../src/optimize/carry-out.ts'
import { InvalidRequestError } from '../src/optimize/faults.ts'
import { MAX_FAULTS } from '../src/optimize/limits.ts'
import { readRequest } from '../src/optimize/read-request.ts'
import { OptimizeBody } from '../src/optimize/request-schema.ts'
import { garbage, mutated, vroomProblem } from './vroom-problems.ts'

type Body = Record<string, any>

/** What a worker does with a request: an answer, or its faults. The checks inside throw for a wrong answer. */
function optimize(body: unknown) {
  try {
    const request = readRequest(structuredClone(body))
    const prepared = { ...request, matrices: request.matrices ?? new Map() }
    // Only with matrices; where travel times come from is tested over HTTP.
    if (request.matrices === null) return { answer: null, faults: [] }
    const search = { timeLimitMs: 100, now: () => performance.now(), onImprovement: () => undefined }
    const times = { loading: 0, solving: 0, routing: 0 }
    return { answer: toAnswer(prepared, carryOut(prepared, search), times), faults: [] }
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error
    return { answer: null, faults: error.faults }
  }
}

/** Every task of the request, once each: on a route or left out. */
function expectComplete(body: Body, answer: OptimizeAnswer): void {
  const asked: string[] = [
    ...(body.jobs ?? []).map(({ id }: Body) => `job ${id}`),
    ...(body.shipments ?? []).flatMap(({ pickup, delivery }: Body) => [
      `pickup ${pickup.id}`,
      `delivery ${delivery.id}`,
    ]),
  ]
  const served = answer.routes.flatMap(({ steps }) =>
    steps.filter(({ type }) => ['job', 'pickup', 'delivery'].includes(type)),
  )
  const told = [...served, ...answer.unassigned].map(({ type, id }) => `${type} ${id}`)
  expect(told.toSorted()).toEqual(asked.toSorted())
  expect(answer.summary.unassigned).toBe(answer.unassigned.length)
  expect(OptimizeAnswer.safeParse(answer).error).toBeUndefined()
}

test('a problem is solved with every task accounted for and nothing violated, or refused with paths', () => {
  let solved = 0
  fc.assert(
    fc.property(vroomProblem(), (body) => {
      const { answer, faults } = optimize(body)
      if (answer === null) {
        expect(faults.length).toBeGreaterThan(0)
        return
      }
      solved += 1
      expectComplete(body, answer)
      expect(answer.summary.violations).toEqual([])
    }),
    { numRuns: 400 },
  )
  expect(solved).toBeGreaterThan(200)
})

test('the answer as steps in plan mode violates nothing and costs the same', () => {
  fc.assert(
    fc.property(vroomProblem(), (body: Body) => {
      const { answer } = optimize(body)
      if (answer === null) return
      const stepsOf = (id: number) => {
        const route = answer.routes.find(({ vehicle }) => vehicle === id)
        return route?.steps.map(({ type, id: task, arrival, waiting_time }) => ({
          type,
          ...(task !== undefined && { id: task, service_at: arrival + waiting_time }),
        }))
      }
      const vehicles = body.vehicles.map((vehicle: Body) => {
        const steps = stepsOf(vehicle.id)
        return steps === undefined ? vehicle : { ...vehicle, steps }
      })
      const planned = optimize({ ...body, vehicles, options: { mode: 'plan' } }).answer
      expect(planned?.summary.violations).toEqual([])
      expect(planned?.summary.cost).toBe(answer.summary.cost)
      const again = optimize({ ...body, vehicles }).answer
      expect(again?.summary.violations).toEqual([])
    }),
    { numRuns: 150 },
  )
})

test('one change to a problem, or plain garbage, never breaks anything', () => {
  const bodies = fc.oneof(
    { weight: 8, arbitrary: vroomProblem().chain(mutated) },
    { weight: 1, arbitrary: garbage() },
  )
  fc.assert(
    fc.property(bodies, (body) => {
      const { answer, faults } = optimize(body)
      expect(faults.length).toBeLessThanOrEqual(MAX_FAULTS)
      expect(faults.every(({ path, message }) => path !== '' && message !== '')).toBe(true)
      if (answer !== null) expectComplete(body as Body, answer)
    }),
    { numRuns: 1_000 },
  )
})

test('what the OpenAPI description refuses is refused', () => {
  fc.assert(
    fc.property(vroomProblem().chain(mutated), (body) => {
      const described = OptimizeBody.safeParse(body)
      const { faults } = optimize(body)
      if (!described.success) expect(faults.length, JSON.stringify(described.error.issues)).toBeGreaterThan(0)
    }),
    { numRuns: 400 },
  )
})
