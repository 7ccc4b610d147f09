// A late order into a day of 300 stops that is planned already: `npm run bench:replan`. The repair is the service's own,
// with its solver thread; beside it stands planning the whole day anew without regard to what was announced. The days
// come without and with a break of half an hour in every shift; `-- --days 2` measures fewer.
import { parseArgs } from 'node:util'
import { checkSolution } from '@urbanbloom/vrp/check'
import type { Problem } from '@urbanbloom/vrp/problem'
import type { Solution } from '@urbanbloom/vrp/solution'
import { solve } from '@urbanbloom/vrp/solve'
import { plannableOf } from '../../../services/delivery-routing/src/planning/plannable.ts'
import { repair } from '../../../services/delivery-routing/src/planning/repair.ts'
import { wholeDay } from '../../../services/delivery-routing/src/planning/repair-part.ts'
import { movedStops } from '../../../services/delivery-routing/src/planning/solve-part.ts'
import { createSolver } from '../../../services/delivery-routing/src/planning/solver.ts'
import { createGreatCircleTimes } from '../../../services/delivery-routing/src/travel/travel-times.ts'
import { costOf, inForce, makeDay, now, ordersByShift, problemOf, withoutLate } from './replan-day.ts'
import { figure, formatTable } from './table.ts'

const STOPS = 300
const VANS = 16
const { values } = parseArgs({ options: { days: { type: 'string', default: '5' } } })
const DAYS = Number(values.days)
const PLAN_SECONDS = 10
const DEMANDED = { seconds: 2, moved: 5, dearerPercent: 2 }

const solver = createSolver()
const nothing = { observe: () => undefined }
const ctx = {
  travelTimes: createGreatCircleTimes(),
  solver,
  config: { planTimeLimitMs: PLAN_SECONDS * 1_000 },
  metrics: { planSeconds: nothing, planGap: nothing },
} as unknown as Parameters<typeof repair>[0]

const head = [
  'day',
  'seconds',
  'vans asked',
  'moved',
  'before',
  'after',
  'free re-plan',
  'dearer %',
  'it moves',
]
const rows = [head]
let broken = 0
for (const breaks of [false, true]) {
  for (let seed = 1; seed <= DAYS; seed += 1) {
    const { row, holds } = await measureDay(seed, breaks)
    rows.push(row)
    if (!holds) broken += 1
  }
}
await solver.close()
console.log(
  `One late order into ${STOPS} stops, ${VANS} vans, windows of two hours; planned for ${PLAN_SECONDS} CPU seconds, ` +
    `cost in dollars:\n\n${formatTable(rows)}\n\nDemanded: within ${DEMANDED.seconds} s, at most ${DEMANDED.moved} stops moved to ` +
    `another van, at most ${DEMANDED.dearerPercent} % dearer than the free re-plan.`,
)
if (broken > 0) process.exitCode = 1

async function measureDay(seed: number, breaks: boolean): Promise<{ row: string[]; holds: boolean }> {
  const whole = makeDay({ seed, stops: STOPS, vans: VANS, breaks })
  const before = withoutLate(whole)
  const problemBefore = await problemOf(before)
  const first = solveFor(problemBefore, PLAN_SECONDS)
  const planned = inForce(before, problemBefore, first)
  const day = { ...whole, routes: planned.routes }
  const problem = await problemOf(day)

  const startedAt = performance.now()
  const part = wholeDay(day, plannableOf(day, now))
  const repaired = await repair(ctx, part)
  const seconds = (performance.now() - startedAt) / 1_000
  const cost = costOf(problem, ordersByShift(day, repaired.plan, repaired.shiftIds))

  const free = solveFor(problem, PLAN_SECONDS)
  const freePlan = { routes: inForce({ ...whole, routes: [] }, problem, free).routes, unassigned: [] }
  const dearer = (cost / free.cost - 1) * 100
  const moved = movedStops(part, repaired.plan)
  const holds =
    repaired.plan.unassigned.length + free.unassigned.length === 0 &&
    seconds <= DEMANDED.seconds &&
    moved <= DEMANDED.moved &&
    dearer <= DEMANDED.dearerPercent
  const row = [
    `${seed}${breaks ? ' with breaks' : ''}${holds ? '' : ' (!)'}`,
    figure(seconds),
    String(repaired.shiftIds?.size ?? VANS),
    String(moved),
    figure(first.cost / 100),
    figure(cost / 100),
    figure(free.cost / 100),
    figure(dearer),
    String(movedStops(part, freePlan)),
  ]
  return { row, holds }
}

/** CPU seconds of this thread, so that a busy machine gives the same plan. */
function solveFor(problem: Problem, seconds: number): Solution {
  const cpuMs = () => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1_000
  }
  const solution = solve(problem, { timeLimitMs: seconds * 1_000, seed: 1, now: cpuMs })
  const wrong = checkSolution(problem, solution)
  if (wrong.length > 0) throw new Error(`The optimizer's plan is wrong: ${wrong.join('; ')}`)
  return solution
}
