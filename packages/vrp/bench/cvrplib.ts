import type { Problem } from '../src/problem.ts'
import type { Instance } from './solomon.ts'

/** Reads an instance in CVRPLIB's format with Euclidean coordinates. Distances are rounded: the X set's convention. */
export function readCvrplib(text: string): Instance {
  const lines = text.split('\n').map((line) => line.trim())
  const header = (key: string) => {
    const line = lines.find((candidate) => candidate.startsWith(key))
    return line?.slice(line.indexOf(':') + 1).trim() ?? ''
  }
  if (header('EDGE_WEIGHT_TYPE') !== 'EUC_2D') throw new Error('only EDGE_WEIGHT_TYPE EUC_2D can be read')
  const count = Number(header('DIMENSION'))
  const capacity = Number(header('CAPACITY'))
  const rows = (section: string) => {
    const first = lines.indexOf(section) + 1
    return lines.slice(first, first + count).map((line) => line.split(/\s+/).map(Number))
  }
  const points = rows('NODE_COORD_SECTION')
  const demands = rows('DEMAND_SECTION').map((row) => row[1]!)
  const legs = Int32Array.from(points.flatMap((a) => points.map((b) => roundedDistance(a, b))))
  const total = demands.reduce((sum, demand) => sum + demand, 0)
  const anyTime = [0, 100_000_000] as const
  const problem: Problem = {
    locationCount: count,
    durationsSeconds: legs,
    distancesMeters: legs,
    stops: demands.slice(1).map((demand, index) => ({
      id: String(index + 1),
      location: index + 1,
      serviceSeconds: 0,
      demand: [demand],
      timeWindows: [anyTime],
    })),
    // The set does not limit the fleet: more vehicles than any good plan uses.
    vehicles: Array.from({ length: Math.ceil((1.2 * total) / capacity) + 5 }, (_, index) => ({
      id: `vehicle-${index + 1}`,
      startLocation: 0,
      endLocation: 0,
      capacity: [capacity],
      shift: anyTime,
      costs: { fixed: 0, perMeter: 1, perSecond: 0 },
    })),
  }
  return {
    name: header('NAME'),
    problem,
    scale: 1,
    points: points.map((row) => [row[1]!, row[2]!] as const),
  }
}

function roundedDistance(a: readonly number[], b: readonly number[]): number {
  return Math.round(Math.hypot(a[1]! - b[1]!, a[2]! - b[2]!))
}
