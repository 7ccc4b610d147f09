import { type Place, type PreparedRequest, serviceOf, setupOf, type Task, type Vehicle } from './request.ts'

export type Legs = {
  /** Driving time in whole seconds, by this vehicle. */
  seconds: (from: Place | null, to: Place | null) => number
  /** Null where the request gives no distances. */
  meters: ((from: Place | null, to: Place | null) => number) | null
  /** From a matrix of costs; null where driving costs by time and distance. */
  price: ((from: Place | null, to: Place | null) => number) | null
}

/** What driving from place to place takes a vehicle. From or to nowhere it takes nothing. */
export function legsOf({ matrices, size }: PreparedRequest, vehicle: Vehicle): Legs {
  const { durations, distances, costs } = matrices.get(vehicle.profile)!
  const reader = (matrix: Int32Array) => (from: Place | null, to: Place | null) =>
    from === null || to === null ? 0 : matrix[from.row * size + to.row]!
  const raw = reader(durations)
  return {
    seconds: (from, to) => Math.round(raw(from, to) / vehicle.speedFactor),
    meters: distances === null ? null : reader(distances),
    price: costs === null ? null : reader(costs),
  }
}

/** Setup and service of a task; there is no setup where the vehicle already stands. */
export function actionOf(task: Task, vehicle: Vehicle, from: Place | null) {
  const setup = from?.row === task.place.row ? 0 : setupOf(task, vehicle)
  const service = serviceOf(task, vehicle)
  return { setup, service, seconds: setup + service }
}
