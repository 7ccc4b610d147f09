import type { Pause, Task, Vehicle, Window } from './request.ts'

/** A moment of a route: when it begins (its setup, where it has one), and when it is done. */
export type TimedStep = {
  readonly type: 'start' | 'task' | 'break' | 'end'
  readonly task: Task | null
  readonly pause: Pause | null
  readonly begin: number
  readonly done: number
}

/** The steps of a vehicle from its start to its end; both are there even where the vehicle has no such place. */
export type TimedRoute = { readonly vehicle: Vehicle; readonly steps: readonly TimedStep[] }

/** The first moment from `ready` on that lies in a window; null if there is none. */
export function firstStart(windows: readonly Window[] | null, ready: number): number | null {
  if (windows === null) return ready
  const window = windows.find(([, end]) => end >= ready)
  return window === undefined ? null : Math.max(ready, window[0])
}

/** The last moment up to `limit` that lies in a window; null if there is none. */
export function lastStart(windows: readonly Window[] | null, limit: number): number | null {
  if (windows === null) return limit
  const window = windows.findLast(([start]) => start <= limit)
  return window === undefined ? null : Math.min(limit, window[1])
}
