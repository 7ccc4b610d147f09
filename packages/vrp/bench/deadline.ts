// How well the time limit is kept on a busy machine: `node packages/vrp/bench/deadline.ts [stops] [burners] [kind]`.
// Beside the search as many other processes as named burn CPU; by default one for each core. Kinds are plain, breaks,
// shipments and short. No process can beat its scheduler, so CPU time stands beside wall time.
import { type ChildProcess, spawn } from 'node:child_process'
import { availableParallelism, loadavg } from 'node:os'
import { checkSolution } from '../src/check.ts'
import { solve } from '../src/solve.ts'
import { type DayKind, makeDay } from './made-day.ts'

const LIMITS_MS = [50, 100, 200, 500, 1_000]
const RUNS = 10

const stops = Number(process.argv[2] ?? 1_000)
const burners = Number(process.argv[3] ?? availableParallelism())
const kind = (process.argv[4] ?? 'plain') as DayKind
const others = Array.from({ length: burners }, (): ChildProcess => {
  return spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
})
process.once('exit', () => others.forEach((other) => other.kill('SIGKILL')))

const problem = makeDay(stops, 1, kind)
console.log(
  `${stops} stops (${kind}), ${problem.vehicles.length} vehicles, ${burners} other processes busy, load ${loadavg()[0]!.toFixed(1)}, ${RUNS} runs each\n`,
)
console.log(
  '| limit ms | overrun p50 ms | overrun max ms | CPU p50 ms | CPU max ms | first plan p50 ms | first plan max ms | first plan p50 CPU ms | iterations p50 | left out |',
)
console.log('|---|---|---|---|---|---|---|---|---|---|')
for (const limitMs of LIMITS_MS) {
  const runs = Array.from({ length: RUNS }, (_, seed) => runOnce(limitMs, seed))
  const column = (name: keyof (typeof runs)[number]) => runs.map((run) => run[name]).toSorted((a, b) => a - b)
  const middle = (name: keyof (typeof runs)[number]) => column(name)[RUNS >> 1]!.toFixed(0)
  const most = (name: keyof (typeof runs)[number]) => column(name).at(-1)!.toFixed(0)
  const figures = [
    middle('overrunMs'),
    most('overrunMs'),
    middle('cpuMs'),
    most('cpuMs'),
    middle('firstPlanMs'),
    most('firstPlanMs'),
    middle('firstPlanCpuMs'),
  ]
  console.log(`| ${[limitMs, ...figures, middle('iterations'), middle('leftOut')].join(' | ')} |`)
}
process.exit()

function runOnce(limitMs: number, seed: number) {
  const from = performance.now()
  const cpuFrom = cpuMs()
  let firstPlanMs = 0
  let firstPlanCpuMs = 0
  const onImprovement = () => {
    firstPlanMs ||= performance.now() - from
    firstPlanCpuMs ||= cpuMs() - cpuFrom
  }
  const solution = solve(problem, { timeLimitMs: limitMs, seed, onImprovement })
  const elapsedMs = performance.now() - from
  const cpu = cpuMs() - cpuFrom
  const wrong = checkSolution(problem, solution)
  if (wrong.length > 0) throw new Error(wrong.join('; '))
  return {
    overrunMs: Math.max(0, elapsedMs - limitMs),
    cpuMs: cpu,
    firstPlanMs,
    firstPlanCpuMs,
    iterations: solution.iterations,
    leftOut: solution.unassigned.length,
  }
}

/** CPU time of this thread, which the other processes do not change. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}
