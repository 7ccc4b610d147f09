import type { Model } from './model.ts'
import type { Random } from './random.ts'

/** A way to sort the absent stops before they are put back: ascending by `key`, ties at random. */
interface Order {
  readonly weight: number
  /** By stop; null leaves the order to chance. */
  readonly key: Float64Array | null
}

/** Orders after Christiaens & Vanden Berghe (2020), and one that puts urgent stops first. */
export class InsertionOrders {
  readonly #model: Model
  readonly #orders: Order[]
  readonly #totalWeight: number

  constructor(model: Model) {
    this.#model = model
    const { windowFrom, windowOpen, lastClose } = model
    const far = byStop(model, (stop) => -metersToDepot(model, stop))
    const orders: Order[] = [
      { weight: 4, key: null },
      { weight: 4, key: relativeDemands(model).map((share) => -share) },
      { weight: 2, key: far },
      { weight: 1, key: far.map((key) => -key) },
      { weight: 2, key: byStop(model, (stop) => openSeconds(model, stop)) },
      { weight: 2, key: byStop(model, (stop) => windowOpen[windowFrom[stop]!]!) },
      { weight: 2, key: byStop(model, (stop) => -lastClose[stop]!) },
      { weight: 4, key: byStop(model, (stop) => -model.weight[stop]!) },
    ]
    this.#orders = orders.filter(({ key }) => key === null || key.some((value) => value !== key[0]))
    this.#totalWeight = this.#orders.reduce((total, order) => total + order.weight, 0)
  }

  /**
   * Sorts the stops for the first plan: the heaviest first; among equals the farthest from a depot, then always the
   * nearest to the one before, so that greedy insertion completes one neighbourhood after the other.
   */
  sortForFirstPlan(stops: Int32Array): void {
    const { weight, placeCount, distance } = this.#model
    const far = byStop(this.#model, (stop) => metersToDepot(this.#model, stop))
    stops.sort((a, b) => weight[b]! - weight[a]! || far[b]! - far[a]!)
    for (let index = 1; index < stops.length; index++) {
      const row = stops[index - 1]! * placeCount
      let nearest = index
      for (let slot = index; slot < stops.length && weight[stops[slot]!] === weight[stops[index]!]; slot++) {
        if (distance.out[row + stops[slot]!]! < distance.out[row + stops[nearest]!]!) nearest = slot
      }
      const stop = stops[nearest]!
      stops[nearest] = stops[index]!
      stops[index] = stop
    }
  }

  /** Sorts the stops by an order drawn at random. */
  sort(stops: Int32Array, random: Random): void {
    shuffle(stops, random)
    let ticket = random.unit() * this.#totalWeight
    for (const { weight, key } of this.#orders) {
      ticket -= weight
      if (ticket >= 0) continue
      if (key) sortByKey(stops, key)
      return
    }
  }
}

function byStop(model: Model, key: (stop: number) => number): Float64Array {
  return Float64Array.from({ length: model.stopCount }, (_, stop) => key(stop))
}

/** The largest share that the stop takes of any dimension's total demand. */
function relativeDemands(model: Model): Float64Array {
  const { dimensions, demand, stopCount } = model
  const totals = new Float64Array(dimensions)
  demand.forEach((amount, index) => {
    totals[index % dimensions]! += amount
  })
  const shares = new Float64Array(stopCount)
  demand.forEach((amount, index) => {
    const stop = Math.floor(index / dimensions)
    if (amount > 0) shares[stop] = Math.max(shares[stop]!, amount / totals[index % dimensions]!)
  })
  return shares
}

function metersToDepot(model: Model, stop: number): number {
  let nearest = Number.POSITIVE_INFINITY
  // Places between the last stop and the last place ("nowhere") are the depots.
  for (let depot = model.stopCount; depot < model.placeCount - 1; depot++) {
    nearest = Math.min(nearest, model.distance.out[depot * model.placeCount + stop]!)
  }
  return nearest === Number.POSITIVE_INFINITY ? 0 : nearest
}

function openSeconds(model: Model, stop: number): number {
  let total = 0
  for (let window = model.windowFrom[stop]!; window < model.windowFrom[stop + 1]!; window++) {
    total += model.windowClose[window]! - model.windowOpen[window]!
  }
  return total
}

function shuffle(stops: Int32Array, random: Random): void {
  for (let last = stops.length - 1; last > 0; last--) {
    const other = random.below(last + 1)
    const stop = stops[last]!
    stops[last] = stops[other]!
    stops[other] = stop
  }
}

/** Stable. Insertion sort, because an iteration sorts about ten stops; long lists go to the library. */
function sortByKey(stops: Int32Array, key: Float64Array): void {
  if (stops.length > 64) {
    stops.sort((a, b) => key[a]! - key[b]!)
    return
  }
  for (let index = 1; index < stops.length; index++) {
    const stop = stops[index]!
    let slot = index
    for (; slot > 0 && key[stops[slot - 1]!]! > key[stop]!; slot--) stops[slot] = stops[slot - 1]!
    stops[slot] = stop
  }
}
