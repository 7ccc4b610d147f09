import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { figure, formatTable } from './table.ts'

type Profile = {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[]
  /** Microseconds of the clock that `process.hrtime` reads. */
  startTime: number
  samples: number[]
  timeDeltas: number[]
}

const TOP = 12
const notWork = new Set(['(idle)', '(root)'])

/** The clock of V8's profiles. */
export function monotonicMicroseconds(): number {
  return Number(process.hrtime.bigint() / 1_000n)
}

/** Prints, for each profile in a folder, where its process was busy between two moments: functions and packages. */
export async function printProfiles(
  folder: string,
  { from, to }: { from: number; to: number },
): Promise<void> {
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile')).toSorted()) {
    const profile = JSON.parse(await readFile(join(folder, file), 'utf8')) as Profile
    const { byFunction, byPackage, total } = selfTimes(profile, from, to)
    const rows = (times: ReadonlyMap<string, number>, count: number) =>
      [...times]
        .toSorted(([, a], [, b]) => b - a)
        .slice(0, count)
        .map(([name, ms]) => [name, figure(ms), `${((100 * ms) / total).toFixed(1)} %`])
    console.log(
      `\n${formatTable([[basename(file, '.cpuprofile'), 'self ms', 'share'], ...rows(byFunction, TOP)])}`,
    )
    console.log(`\n${formatTable([['by package', 'self ms', 'share'], ...rows(byPackage, TOP)])}`)
  }
}

function selfTimes({ nodes, startTime, samples, timeDeltas }: Profile, from: number, to: number) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]))
  const byFunction = new Map<string, number>()
  const byPackage = new Map<string, number>()
  let total = 0
  let time = startTime
  for (const [index, id] of samples.entries()) {
    const delta = timeDeltas[index] ?? 0
    time += delta
    const frame = frames.get(id)
    if (frame === undefined || time < from || time > to || notWork.has(frame.functionName)) continue
    const ms = delta / 1_000
    total += ms
    const place = shorten(frame.url)
    const name = `${frame.functionName || '(anonymous)'} ${place}${place === '' ? '' : `:${frame.lineNumber + 1}`}`
    byFunction.set(name, (byFunction.get(name) ?? 0) + ms)
    const owner = packageOf(frame)
    byPackage.set(owner, (byPackage.get(owner) ?? 0) + ms)
  }
  return { byFunction, byPackage, total }
}

function shorten(url: string): string {
  return url
    .replace(/^.*\/node_modules\//, '')
    .replace(/^.*\/(services|packages)\//, '$1/')
    .replace(/^file:\/\//, '')
}

function packageOf({ url, functionName }: Profile['nodes'][number]['callFrame']): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)'
  if (url.startsWith('node:')) return url.split('/').slice(0, 2).join('/')
  const place = shorten(url)
  const parts = place.split('/')
  const isScoped = place.startsWith('@') || place.startsWith('services/') || place.startsWith('packages/')
  return parts.slice(0, isScoped ? 2 : 1).join('/')
}
