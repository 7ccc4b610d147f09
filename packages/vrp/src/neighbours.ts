import type { Model } from './model.ts'

/** Beyond this many, strings near a stop are no longer near it. */
const MAX_NEIGHBOURS = 400

/** For each stop the nearest stops, itself first. A list is made when it is first asked for. */
export class Neighbours {
  readonly #model: Model
  readonly #lists = new Map<number, Int32Array>()

  constructor(model: Model) {
    this.#model = model
  }

  of(stop: number): Int32Array {
    const known = this.#lists.get(stop)
    if (known) return known
    const list = nearest(this.#model, stop)
    this.#lists.set(stop, list)
    return list
  }
}

function nearest(model: Model, stop: number): Int32Array {
  // Sorting plain numbers is much faster than sorting by a comparator, so each number carries its stop.
  const keys = new Float64Array(model.stopCount)
  for (let other = 0; other < model.stopCount; other++) {
    const nearness = other === stop ? 0 : 1 + roundTrip(model, stop, other)
    keys[other] = nearness * model.stopCount + other
  }
  keys.sort()
  const length = Math.min(model.stopCount, MAX_NEIGHBOURS)
  return Int32Array.from(keys.subarray(0, length), (key) => key % model.stopCount)
}

/** Meters there and back, or seconds where a problem has no distances. */
function roundTrip(model: Model, stop: number, other: number): number {
  const row = stop * model.placeCount + other
  const meters = model.distance.out[row]! + model.distance.into[row]!
  if (meters > 0) return meters
  return model.duration.length > 0 ? model.duration[0]!.out[row]! + model.duration[0]!.into[row]! : 0
}
