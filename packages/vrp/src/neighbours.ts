import type { Model } from './model.ts'

/** How far apart two stops are, in any unit; the smallest are the neighbours. */
export type Measure = (model: Model, stop: number, other: number) => number

/** For each stop the nearest stops, itself first. A list is made when it is first asked for. */
export class Neighbours {
  readonly #model: Model
  readonly #most: number
  readonly #measure: Measure
  readonly #lists: (Int32Array | undefined)[]
  readonly #reach: (Int32Array | undefined)[]

  constructor(model: Model, most: number, measure: Measure) {
    this.#model = model
    this.#most = most
    this.#measure = measure
    this.#reach = Array.from({ length: model.stopCount })
    this.#lists = Array.from({ length: model.stopCount })
  }

  of(stop: number): Int32Array {
    const known = this.#lists[stop]
    if (known) return known
    const list = this.#nearest(stop)
    this.#lists[stop] = list
    return list
  }

  /** For each of a stop's neighbours, how far away it is: meters of the shorter way. */
  reachOf(stop: number): Int32Array {
    const known = this.#reach[stop]
    if (known) return known
    const { placeCount, distance } = this.#model
    const row = stop * placeCount
    const list = this.of(stop).map((other) =>
      Math.min(distance.out[row + other]!, distance.into[row + other]!),
    )
    this.#reach[stop] = list
    return list
  }

  #nearest(stop: number): Int32Array {
    const { stopCount } = this.#model
    // Sorting plain numbers is much faster than sorting by a comparator, so each number carries its stop.
    const keys = new Float64Array(stopCount)
    for (let other = 0; other < stopCount; other++) {
      const nearness = other === stop ? 0 : 1 + Math.floor(this.#measure(this.#model, stop, other))
      keys[other] = nearness * stopCount + other
    }
    const length = Math.min(stopCount, this.#most)
    selectSmallest(keys, length)
    return Int32Array.from(keys.subarray(0, length).toSorted(), (key) => key % stopCount)
  }
}

/** Moves the smallest `length` of distinct keys to the front, in no order (Hoare's quickselect). */
function selectSmallest(keys: Float64Array, length: number): void {
  let low = 0
  let high = keys.length - 1
  while (low < high) {
    const pivot = keys[(low + high) >> 1]!
    let left = low
    let right = high
    while (left <= right) {
      while (keys[left]! < pivot) left++
      while (keys[right]! > pivot) right--
      if (left > right) break
      const key = keys[left]!
      keys[left++] = keys[right]!
      keys[right--] = key
    }
    if (length - 1 <= right) high = right
    else if (length - 1 >= left) low = left
    else return
  }
}

/** Meters there and back, or seconds where a problem has no distances. */
export function roundTrip(model: Model, stop: number, other: number): number {
  const row = stop * model.placeCount + other
  const meters = model.distance.out[row]! + model.distance.into[row]!
  if (meters > 0) return meters
  return model.duration.length > 0 ? model.duration[0]!.out[row]! + model.duration[0]!.into[row]! : 0
}

/** What a second of waiting, and a second of being late, count beside a second of driving. */
const WAITING_WEIGHT = 0.2
const LATENESS_WEIGHT = 1

/**
 * How badly one stop follows the other, the better way round: driving, waiting and being late (the correlation of
 * Vidal et al., "A hybrid genetic algorithm with adaptive diversity management", 2013).
 */
export function proximity(model: Model, stop: number, other: number): number {
  if (model.duration.length === 0) return 0
  return Math.min(follows(model, stop, other), follows(model, other, stop))
}

function follows(model: Model, first: number, second: number): number {
  const leg = first * model.placeCount + second
  const seconds = model.duration[0]!.out[leg]!
  const { windowFrom, windowOpen, lastClose, serviceSeconds } = model
  const after = serviceSeconds[first]! + seconds
  const waiting = windowOpen[windowFrom[second]!]! - after - lastClose[first]!
  const lateness = windowOpen[windowFrom[first]!]! + after - lastClose[second]!
  return seconds + WAITING_WEIGHT * Math.max(0, waiting) + LATENESS_WEIGHT * Math.max(0, lateness)
}
