import { readCvrplib } from '../bench/cvrplib.ts'
import type { Problem } from '../src/problem.ts'
import { Random } from '../src/random.ts'

/** Stops at random on a square of 1,000 by 1,000, ten of which fill a van. */
export function scatteredStops(count: number): Problem {
  const random = new Random(7)
  const points = Array.from({ length: count + 1 }, (_, index) => {
    return `${index + 1} ${random.below(1_000)} ${random.below(1_000)}`
  })
  const demands = points.map((_, index) => `${index + 1} ${index === 0 ? 0 : 1}`)
  return readCvrplib(
    [
      'NAME : scattered',
      'EDGE_WEIGHT_TYPE : EUC_2D',
      `DIMENSION : ${count + 1}`,
      'CAPACITY : 10',
      'NODE_COORD_SECTION',
      ...points,
      'DEMAND_SECTION',
      ...demands,
    ].join('\n'),
  ).problem
}
