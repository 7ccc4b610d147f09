// The optimizer on a made-up day, the same one each time: `node packages/bench/src/optimizer.ts`. Against the best
// known solutions of published instances it is measured by packages/vrp/bench/run.ts.
import { checkSolution } from '@urbanbloom/vrp/check'
import type { Problem } from '@urbanbloom/vrp/problem'
import { solve } from '@urbanbloom/vrp/solve'
import { createRandom } from './random.ts'
import { figure, formatTable } from './table.ts'

const STOPS = 150
const VANS = 6
const HOUR = 3_600
const FIRST_HOUR = 8
const WINDOWS = 6
const RADIUS_METERS = 6_000
const METERS_PER_SECOND = 7

const problem = makeDay(20_260_401)
const rows = [['CPU seconds', 'km', 'routes', 'left out', 'iterations/s']]
for (const seconds of [0.1, 1, 5]) {
  const solution = solve(problem, { timeLimitMs: seconds * 1_000, seed: 1, now: cpuMs })
  const wrong = checkSolution(problem, solution)
  if (wrong.length > 0) throw new Error(`The optimizer's plan is wrong: ${wrong.join('; ')}`)
  rows.push([
    figure(seconds),
    figure(solution.cost / 1_000),
    String(solution.routes.length),
    String(solution.unassigned.length),
    figure(solution.iterations / (solution.elapsedMs / 1_000)),
  ])
}
console.log(
  `${STOPS} stops in two-hour windows, ${VANS} vans, one thread, cost is distance:\n\n${formatTable(rows)}`,
)

/** CPU time of the thread that searches, so that a busy machine gives the same table. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

/** Stops scattered around the hub, in seconds of the day and metres. */
function makeDay(seed: number): Problem {
  const random = createRandom(seed)
  const places = Array.from({ length: STOPS + 1 }, (_, index) => {
    const reach = index === 0 ? 0 : RADIUS_METERS * Math.sqrt(random())
    const angle = 2 * Math.PI * random()
    return { x: reach * Math.cos(angle), y: reach * Math.sin(angle) }
  })
  const distances = places.flatMap((a) => places.map((b) => Math.round(Math.hypot(a.x - b.x, a.y - b.y))))
  return {
    locationCount: places.length,
    distancesMeters: Int32Array.from(distances),
    durationsSeconds: Int32Array.from(distances, (meters) => Math.ceil(meters / METERS_PER_SECOND)),
    stops: places.slice(1).map((_, index) => {
      const start = (FIRST_HOUR + 2 * Math.floor(random() * WINDOWS)) * HOUR
      return {
        id: String(index + 1),
        location: index + 1,
        serviceSeconds: 240,
        demand: [2_000 + Math.floor(random() * 18_000)],
        timeWindows: [[start, start + 2 * HOUR]] as const,
      }
    }),
    vehicles: Array.from({ length: VANS }, (_, index) => ({
      id: `van-${index + 1}`,
      startLocation: 0,
      endLocation: 0,
      capacity: [600_000],
      shift: [FIRST_HOUR * HOUR, (FIRST_HOUR + 2 * WINDOWS) * HOUR] as const,
      costs: { fixed: 0, perMeter: 1, perSecond: 0 },
    })),
  }
}
