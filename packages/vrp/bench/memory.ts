// What one search takes: `node packages/vrp/bench/memory.ts [stops] [milliseconds]`. Counted is the resident memory of
// the whole process (program, compiler, heap and matrices) at its peak, measured by the system, beside what it was
// before the search with the problem in it.
import { solve } from '../src/solve.ts'
import { makeDay } from './made-day.ts'

const stops = Number(process.argv[2] ?? 1_000)
const timeLimitMs = Number(process.argv[3] ?? 5_000)
const bareMib = process.memoryUsage().rss / 2 ** 20
const problem = makeDay(stops, 1)
const beforeMib = process.memoryUsage().rss / 2 ** 20
const solution = solve(problem, { timeLimitMs })
const peakMib = process.resourceUsage().maxRSS / 2 ** 10
const { heapUsed, arrayBuffers } = process.memoryUsage()
console.log(
  `${stops} stops, ${timeLimitMs} ms, ${solution.iterations} iterations: peak ${peakMib.toFixed(0)} MiB, of which ` +
    `${bareMib.toFixed(0)} MiB the program alone and ${(beforeMib - bareMib).toFixed(0)} MiB the problem, so ` +
    `${(peakMib - beforeMib).toFixed(0)} MiB for the search (afterwards: heap ${(heapUsed / 2 ** 20).toFixed(0)} MiB, ` +
    `arrays ${(arrayBuffers / 2 ** 20).toFixed(0)} MiB)`,
)
