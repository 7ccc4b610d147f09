import type { Problem } from '../src/problem.ts'

/** A benchmark instance. */
export interface Instance {
  readonly name: string
  readonly problem: Problem
  /** Costs of the problem are this many times those that are published. */
  readonly scale: number
  /** By location, for a picture. */
  readonly points: readonly (readonly [x: number, y: number])[]
}

/** Distances and times are in tenths, truncated: the convention of the 12th DIMACS challenge. */
const SCALE = 10

/** Options for tests, which use the first few customers of an instance or fewer vehicles. */
export interface ReadOptions {
  readonly customers?: number
  readonly vehicles?: number
}

/** Reads an instance. The objective is distance alone, as in the challenge. */
export function readSolomon(text: string, options: ReadOptions = {}): Instance {
  const lines = text.split('\n').map((line) => line.trim())
  const name = (lines[0] ?? '').toUpperCase()
  const fleetLine = lines.findIndex((line) => line.startsWith('NUMBER')) + 1
  const [fleet = 0, capacity = 0] = numbersOf(lines[fleetLine] ?? '')
  const rows = lines
    .slice(fleetLine + 1)
    .map(numbersOf)
    .filter((row) => row.length === 7)
    .slice(0, (options.customers ?? Number.POSITIVE_INFINITY) + 1)
  const legs = Int32Array.from(rows.flatMap((a) => rows.map((b) => truncatedDistance(a, b))))
  const depot = rows[0]
  if (!depot) throw new Error(`${name || 'the file'} holds no customers: is it in Solomon's format?`)
  const problem: Problem = {
    locationCount: rows.length,
    durationsSeconds: legs,
    distancesMeters: legs,
    stops: rows.slice(1).map((row, index) => ({
      id: String(row[0]),
      location: index + 1,
      serviceSeconds: row[6]! * SCALE,
      demand: [row[3]!],
      timeWindows: [[row[4]! * SCALE, row[5]! * SCALE]],
    })),
    vehicles: Array.from({ length: options.vehicles ?? fleet }, (_, index) => ({
      id: `vehicle-${index + 1}`,
      startLocation: 0,
      endLocation: 0,
      capacity: [capacity],
      shift: [depot[4]! * SCALE, depot[5]! * SCALE],
      costs: { fixed: 0, perMeter: 1, perSecond: 0 },
    })),
  }
  const points = rows.map((row) => [row[1]!, row[2]!] as const)
  return { name, problem, scale: SCALE, points }
}

function truncatedDistance(a: readonly number[], b: readonly number[]): number {
  return Math.floor(SCALE * Math.hypot(a[1]! - b[1]!, a[2]! - b[2]!))
}

function numbersOf(line: string): number[] {
  return line === '' ? [] : line.split(/\s+/).map(Number).filter(Number.isFinite)
}
