import { parentPort, workerData } from 'node:worker_threads'
import type { Worth } from './acceptance.ts'
import { solve } from './solve.ts'
import type { MemberMessage, MemberTask } from './solve-in-parallel.ts'

const NEWS_EVERY_MS = 200

const { problem, maxIterations, deadlineMs, seed, stop, ...team } = workerData as MemberTask
const timeLimitMs =
  deadlineMs === undefined ? undefined : Math.max(0, deadlineMs - performance.timeOrigin - performance.now())
const flag = stop && new Int32Array(stop)
const isFirst = team.thread === 0
const port = parentPort!

let saidAt = Number.NEGATIVE_INFINITY
const onImprovement = (worth: Worth) => {
  const now = performance.now()
  if (now - saidAt < NEWS_EVERY_MS) return
  saidAt = now
  port.postMessage({ worth } satisfies MemberMessage)
}

const solution = solve(problem, {
  timeLimitMs,
  maxIterations,
  seed,
  team,
  now: () => (flag && Atomics.load(flag, 0) === 1 ? Number.POSITIVE_INFINITY : performance.now()),
  ...(isFirst && { onImprovement }),
})
port.postMessage({ solution: isFirst ? solution : null } satisfies MemberMessage)
