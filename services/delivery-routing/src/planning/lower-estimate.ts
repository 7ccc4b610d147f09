import type { Problem } from '@urbanbloom/vrp/problem'
import type { Solution } from '@urbanbloom/vrp/solution'

/** Rows of the matrix between two breaths of the event loop; about a millisecond for a thousand places. */
const ROWS_AT_A_TIME = 200

/**
 * How far the meters of a plan lie above a figure that no plan of the same stops on the same number of routes can go
 * below: 0.4 is 40 %. Each place is entered and left once, so half of its shortest way in and half of its shortest
 * way out belong to it alone. The estimate ignores windows, loads and breaks, so part of the gap can never be closed.
 * @returns null where nothing is driven.
 */
export async function gapToLowerEstimate(problem: Problem, solution: Solution): Promise<number | null> {
  const locationOf = new Map(problem.stops.map(({ id, location }) => [id, location]))
  const planned = solution.routes.flatMap(({ stops }) => stops.map(({ id }) => locationOf.get(id) ?? 0))
  const places = [0, ...new Set(planned)]
  const { locationCount, distancesMeters } = problem
  let twice = 0
  for (const [index, place] of places.entries()) {
    if (index % ROWS_AT_A_TIME === ROWS_AT_A_TIME - 1) await new Promise((resolve) => setImmediate(resolve))
    // Several stops at one place need one way in and one way out.
    const times = place === 0 ? solution.routes.length : 1
    let nearestOut = Number.POSITIVE_INFINITY
    let nearestIn = Number.POSITIVE_INFINITY
    for (const other of places) {
      if (other === place) continue
      nearestOut = Math.min(nearestOut, distancesMeters[place * locationCount + other] ?? 0)
      nearestIn = Math.min(nearestIn, distancesMeters[other * locationCount + place] ?? 0)
    }
    if (Number.isFinite(nearestOut)) twice += times * (nearestOut + nearestIn)
  }
  const driven = solution.routes.reduce((sum, { distanceMeters }) => sum + distanceMeters, 0)
  return twice === 0 ? null : driven / (twice / 2) - 1
}
