import { MAX_TIME_SPAN_SECONDS } from '@urbanbloom/vrp/problem'

/** What one problem may hold. They are part of the public description. */
export const BODY_LIMIT_MIB = 16
export const OPTIMIZE_BODY_LIMIT_BYTES = BODY_LIMIT_MIB * 1024 * 1024
/** A shipment is two tasks. */
export const MAX_TASKS = 3_000
export const MAX_VEHICLES = 500
export const MAX_LOCATIONS = 3_000
export const MAX_PROFILES = 5
export const MAX_WINDOWS = 50
export const MAX_BREAKS = 8
export const MAX_SKILLS = 100
export const MAX_TYPES = 100
export const MAX_DIMENSIONS = 10
export const MAX_TEXT = 1_000
/** The most faults that one answer lists. */
export const MAX_FAULTS = 100

/** Numbers: ids, moments on the time axis (VROOM's are 32 bits wide), legs and times, amounts and prices. */
export const MAX_ID = Number.MAX_SAFE_INTEGER
export const MAX_MOMENT = 2 ** 32 - 1
export const MAX_LEG = MAX_TIME_SPAN_SECONDS
export const MAX_SECONDS = 10_000_000
export const MAX_AMOUNT = 1_000_000_000
export const MAX_PRICE = 1_000_000_000

export const MIN_TIME_LIMIT_MS = 10
export const MAX_TIME_LIMIT_MS = 60_000

/** How long a search may take when the request says nothing. */
export function defaultTimeLimitMs(tasks: number): number {
  return Math.min(5_000, 500 + 5 * tasks)
}
