import type { VehicleCosts } from '@urbanbloom/vrp/problem'
import { InvalidRequestError } from './faults.ts'
import type { PreparedRequest, Vehicle } from './request.ts'

/** How the optimizer counts what driving costs: one matrix to sum up, and what each vehicle pays for it. */
export type Pricing = {
  /** What `perMeter` is paid for: meters, or prices of legs. */
  matrix: Int32Array
  /** By vehicle. */
  costs: VehicleCosts[]
  /** By vehicle. */
  maxMeters: (number | undefined)[]
}

/** Prices are kept as integers of up to this size, in units as small as that allows. */
const LARGEST_PRICE = 2 ** 27
const FINEST = 1_000

/**
 * Where all vehicles pay the same for each leg, one matrix of prices says it all, and the search is fastest. Else
 * distances are paid by meter and driving by second. There is one matrix of distances or prices for all vehicles: two
 * that differ are refused.
 */
export function priceLegs(request: PreparedRequest, vehicles: readonly Vehicle[]): Pricing {
  refuseDifferentTaskPrices(vehicles)
  return priceAlike(request, vehicles) ?? priceByMeterAndSecond(request, vehicles)
}

function priceAlike(request: PreparedRequest, vehicles: readonly Vehicle[]): Pricing | null {
  const [first] = vehicles
  if (first === undefined) return null
  const isAlike = ({ profile, speedFactor, costs, maxDistance }: Vehicle) =>
    maxDistance === null &&
    profile === first.profile &&
    speedFactor === first.speedFactor &&
    costs.perHour === first.costs.perHour &&
    costs.perKm === first.costs.perKm
  if (!vehicles.every(isAlike)) return null
  const { durations, distances, costs } = request.matrices.get(first.profile)!
  const fixed = (perMeter: number) =>
    vehicles.map((vehicle): VehicleCosts => ({ fixed: vehicle.costs.fixed, perMeter, perSecond: 0 }))
  const maxMeters = vehicles.map(() => undefined)
  if (costs !== null) return { matrix: costs, costs: fixed(1), maxMeters }
  const perSecond = first.costs.perHour / 3_600
  // VROOM's default: a second costs one. Then travel times are the prices, and the optimizer keeps one matrix for both.
  if (perSecond === 1 && first.costs.perKm === 0 && first.speedFactor === 1)
    return { matrix: durations, costs: fixed(1), maxMeters }
  const perMeter = first.costs.perKm / 1_000
  const priceOf = (seconds: number, cell: number) =>
    perSecond * Math.round(seconds / first.speedFactor) + perMeter * (distances?.[cell] ?? 0)
  let highest = 0
  for (let cell = 0; cell < durations.length; cell += 1)
    highest = Math.max(highest, priceOf(durations[cell]!, cell))
  const isWhole = Number.isInteger(perSecond) && perMeter === 0 && highest <= LARGEST_PRICE
  const scale = isWhole ? 1 : Math.min(FINEST, LARGEST_PRICE / Math.max(1, highest))
  const matrix = durations.map((seconds, cell) => Math.round(priceOf(seconds, cell) * scale))
  return { matrix, costs: fixed(1 / scale), maxMeters }
}

function priceByMeterAndSecond({ matrices }: PreparedRequest, vehicles: readonly Vehicle[]): Pricing {
  let matrix: Int32Array | null = null
  const costs = vehicles.map((vehicle): VehicleCosts => {
    const own = matrices.get(vehicle.profile)!
    const { fixed, perKm, perHour } = vehicle.costs
    const counted = own.costs ?? (perKm > 0 || vehicle.maxDistance !== null ? own.distances : null)
    if (own.costs !== null && vehicle.maxDistance !== null) {
      const message = 'cannot be combined with a matrix of costs'
      throw new InvalidRequestError([{ path: `${vehicle.path}.max_distance`, message }])
    }
    if (counted !== null && matrix !== null && !isSame(counted, matrix)) {
      const message =
        'vehicles whose distances or matrices of costs differ, and matter, cannot be planned together; plan them apart'
      throw new InvalidRequestError([{ path: `${vehicle.path}.profile`, message }])
    }
    matrix ??= counted
    if (own.costs !== null) return { fixed, perMeter: 1, perSecond: 0 }
    return { fixed, perMeter: perKm / 1_000, perSecond: 0, perTravelSecond: perHour / 3_600 }
  })
  const any = matrices.values().next().value!
  return {
    matrix: matrix ?? any.distances ?? any.durations,
    costs,
    maxMeters: vehicles.map(({ maxDistance }) => maxDistance ?? undefined),
  }
}

/** With one price for all, tasks cost the same whoever does them; then the search need not weigh it. */
function refuseDifferentTaskPrices(vehicles: readonly Vehicle[]): void {
  const other = vehicles.find(({ costs }) => costs.perTaskHour !== vehicles[0]?.costs.perTaskHour)
  if (other === undefined) return
  const message = 'must be the same for all vehicles'
  throw new InvalidRequestError([{ path: `${other.path}.costs.per_task_hour`, message }])
}

function isSame(a: Int32Array, b: Int32Array): boolean {
  return a === b || a.every((entry, cell) => entry === b[cell])
}
