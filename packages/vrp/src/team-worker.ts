import { parentPort, workerData } from 'node:worker_threads'
import { solve } from './solve.ts'
import type { MemberTask } from './solve-in-parallel.ts'

const { problem, maxIterations, deadlineMs, seed, ...team } = workerData as MemberTask
const timeLimitMs =
  deadlineMs === undefined ? undefined : Math.max(0, deadlineMs - performance.timeOrigin - performance.now())
const port = parentPort!
port.postMessage(solve(problem, { timeLimitMs, maxIterations, seed, team }))
