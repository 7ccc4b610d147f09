import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { checkSolution } from '../src/check.ts'
import { solve } from '../src/solve.ts'
import { solveInParallel } from '../src/solve-in-parallel.ts'
import { listInstances, readInstance } from './instances.ts'
import { plotRoutes } from './plot-routes.ts'
import { formatRun, HEADING, type Run, summarise } from './table.ts'

const USAGE = `Usage: node bench/run.ts <folder> [--seconds 1,10] [--seeds 1] [--only C101,R1] [--vehicles n]
                                 [--out runs.jsonl] [--compare earlier.jsonl] [--plot folder]
                                 [--threads n]
The folder holds instances in Solomon's format (*.txt) or CVRPLIB's (*.vrp), and their best known costs in bks.json:
{"C101": {"cost": 827.3}, ...} or in *.sol files. --compare shows what the same runs gave in an earlier file;
--plot draws the routes of each instance's last run. Bars show the gap over time, from 20 % down to 0.1 %.
Seconds are CPU seconds of the one thread that searches, so that a busy machine gives the same table. With --threads they
are seconds on the wall, for one thread too, and mean something only while that many cores are free: see the load.`

/** How many bars the gap over time has. */
const PERIODS = 20

const cpuMs = () => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    vehicles: { type: 'string' },
    out: { type: 'string' },
    compare: { type: 'string' },
    plot: { type: 'string' },
    threads: { type: 'string' },
  },
})
const folder = positionals[0]
if (!folder) throw new Error(USAGE)
if (values.compare && !existsSync(values.compare)) throw new Error(`${values.compare} does not exist`)
const earlier = (values.compare ? readFileSync(values.compare, 'utf8').trim().split('\n') : []).map(
  (line) => JSON.parse(line) as Run,
)
const threads = values.threads === undefined ? undefined : Number(values.threads)
const clock = threads === undefined ? cpuMs : () => performance.now()
const files = listInstances(folder, values.only.split(','))
if (files.length === 0) throw new Error(`${folder} holds no instance that --only allows`)

for (const seconds of values.seconds.split(',').map(Number)) {
  console.log(`\n${HEADING}`)
  const runs: Run[] = []
  for (const file of files) {
    for (let seed = 1; seed <= Number(values.seeds); seed++) {
      tell(
        `${file}, ${seconds} s, seed ${seed}: run ${runs.length + 1} of ${files.length * Number(values.seeds)}`,
      )
      const run = await runOnce(file, seconds, seed)
      tell('')
      runs.push(run)
      console.log(formatRun(run, earlier))
      if (values.out) appendFileSync(values.out, `${JSON.stringify(run)}\n`)
    }
  }
  console.log(`\n${summarise(runs, earlier)}`)
  if (threads !== undefined)
    console.log(
      `\n${threads} threads, load of the last minutes ${loadavg()
        .map((load) => load.toFixed(1))
        .join(', ')}`,
    )
}

async function runOnce(file: string, seconds: number, seed: number): Promise<Run> {
  const vehicles = values.vehicles === undefined ? undefined : Number(values.vehicles)
  const instance = readInstance(folder!, file, vehicles)
  const { name, family, problem, scale, bestKnown } = instance
  const gaps: number[] = []
  const from = clock()
  let gap = Number.NaN
  // A twentieth that ended before the first plan, or with no better one, has the gap of the plan that there was.
  const fill = (until: number) => {
    while (gaps.length < until) gaps.push(gap)
  }
  const onImprovement = ({ cost }: { cost: number }) => {
    const passed = Math.floor(((clock() - from) / (seconds * 1_000)) * PERIODS)
    if (Number.isNaN(gap)) gap = gapOf(cost / scale, bestKnown)
    fill(Math.min(PERIODS, passed))
    gap = gapOf(cost / scale, bestKnown)
  }
  const limits = { timeLimitMs: seconds * 1_000, seed }
  const solution =
    (threads ?? 1) > 1
      ? await solveInParallel(problem, { ...limits, threads: threads!, onImprovement })
      : solve(problem, { ...limits, now: clock, onImprovement })
  const wrong = checkSolution(problem, solution)
  if (wrong.length > 0) throw new Error(`${name}: ${wrong.join('; ')}`)
  const cost = solution.cost / scale
  gap = gapOf(cost, bestKnown)
  fill(PERIODS)
  if (values.plot) {
    mkdirSync(values.plot, { recursive: true })
    writeFileSync(join(values.plot, `${name}.svg`), plotRoutes(instance, solution))
  }
  return {
    name,
    family,
    seconds,
    seed,
    bestKnown,
    cost,
    gapPercent: gapOf(cost, bestKnown),
    iterations: solution.iterations,
    routes: solution.routes.length,
    leftOut: solution.unassigned.length,
    elapsedMs: Math.round(solution.elapsedMs),
    gaps: gaps.map((each) => Number(each.toFixed(3))),
  }
}

function gapOf(cost: number, bestKnown: number): number {
  return 100 * (cost / bestKnown - 1)
}

/** What is going on, on one line of the terminal that the next message replaces. */
function tell(message: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${message}`)
  else if (message !== '') process.stderr.write(`${message}\n`)
}
