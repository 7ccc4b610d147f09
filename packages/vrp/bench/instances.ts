import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readCvrplib } from './cvrplib.ts'
import { type Instance, readSolomon } from './solomon.ts'

/** An instance with the cost of the best solution that anybody has published. */
export interface KnownInstance extends Instance {
  readonly bestKnown: number
  readonly family: string
}

/** The instances of a folder whose names begin with one of the prefixes, in natural order. */
export function listInstances(folder: string, prefixes: readonly string[]): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.txt') || file.endsWith('.vrp'))
    .filter((file) => prefixes.some((prefix) => file.toUpperCase().startsWith(prefix.toUpperCase())))
    .toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

/** Reads one of them, with its best known cost from `bks.json` or from the `.sol` file beside it. */
export function readInstance(folder: string, file: string, vehicles?: number): KnownInstance {
  const text = readFileSync(join(folder, file), 'utf8')
  const options = vehicles === undefined ? {} : { vehicles }
  const instance = file.endsWith('.vrp') ? readCvrplib(text) : readSolomon(text, options)
  return { ...instance, bestKnown: bestKnownOf(folder, file, instance.name), family: familyOf(instance) }
}

function bestKnownOf(folder: string, file: string, name: string): number {
  const table = join(folder, 'bks.json')
  if (existsSync(table)) {
    const costs = JSON.parse(readFileSync(table, 'utf8')) as Record<string, { cost: number }>
    if (costs[name]) return costs[name].cost
  }
  const stem = file.replace(/\.\w+$/, '')
  const solution = readdirSync(folder).find((entry) => entry.toLowerCase() === `${stem.toLowerCase()}.sol`)
  const cost = solution && /^cost\s+([\d.]+)/im.exec(readFileSync(join(folder, solution), 'utf8'))
  if (!cost) throw new Error(`${folder} has no best known cost for ${name}: neither bks.json nor ${stem}.sol`)
  return Number(cost[1])
}

/** R1, C2 and so on for instances with time windows; the size class for the X set. */
function familyOf({ name, problem }: Instance): string {
  if (name.startsWith('X-')) return problem.stops.length < 400 ? 'X < 400' : 'X >= 400'
  return /^[A-Z]+\d/.exec(name)?.[0] ?? name
}
