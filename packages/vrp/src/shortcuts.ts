import type { Model } from './model.ts'

/** Properties of simple problems that the search is faster for. */
export interface Shortcuts {
  /** Whether a position costs what it adds to the way, and the same for every vehicle that can take the stop. */
  readonly isUniformFleet: boolean
  /** Whether nothing can ever be late or early: then departures and latest times are not kept. */
  readonly isUntimed: boolean
  /** Whether, besides, all ways are as long there as back: then a part of a route can be turned round. */
  readonly isReversible: boolean
}

export const NO_SHORTCUTS: Shortcuts = { isUniformFleet: false, isUntimed: false, isReversible: false }

/** What is simple about a model that is complete otherwise. */
export function findShortcuts(model: Model): Shortcuts {
  const isUniformFleet = hasUniformFleet(model)
  const isUntimed = isUniformFleet && canNeverBeLate(model)
  return { isUniformFleet, isUntimed, isReversible: isUntimed && isSymmetric(model) }
}

function isSymmetric({ distance }: Model): boolean {
  return distance.out.every((meters, leg) => meters === distance.into[leg])
}

function hasUniformFleet(model: Model): boolean {
  const perMeter = model.costPerMeter[0] ?? 0
  return (
    perMeter > 0 &&
    !model.announced.isPriced &&
    model.isPlain.every((isPlain) => isPlain === 1) &&
    model.costPerMeter.every((price) => price === perMeter) &&
    model.costPerSecond.every((price) => price === 0) &&
    model.duration.every((legs) => legs === model.duration[0])
  )
}

/**
 * Whether even a route of all stops by their longest legs would be in time everywhere. Mostly the first few legs say no,
 * which matters before the first plan.
 */
function canNeverBeLate(model: Model): boolean {
  const { windowFrom, windowOpen, lastClose, placeCount } = model
  if (model.hasSeveralWindows) return false
  if (!lastClose.every((_, stop) => windowOpen[windowFrom[stop]!]! <= 0)) return false
  const lower = (least: number, moment: number) => Math.min(least, moment)
  const limit = model.shiftEnd.reduce(lower, lastClose.reduce(lower, Number.POSITIVE_INFINITY))
  const { into } = model.duration[0]!
  let clock = model.shiftStart.reduce((latest, start) => Math.max(latest, start), 0)
  for (let place = 0; place < placeCount && clock <= limit; place++) {
    let longest = 0
    const end = (place + 1) * placeCount
    for (let cell = place * placeCount; cell < end; cell++) longest = Math.max(longest, into[cell]!)
    clock += longest
    if (place < model.stopCount) clock += model.serviceSeconds[place]!
  }
  return clock <= limit
}
