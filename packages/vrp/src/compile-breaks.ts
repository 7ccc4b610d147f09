import { type BreakModel, FOREVER } from './model.ts'
import type { Vehicle } from './problem.ts'

/** Lists the breaks of all vehicles. */
export function compileBreaks(vehicles: readonly Vehicle[], originSeconds: number): BreakModel {
  const lists = vehicles.map((vehicle) => vehicle.breaks ?? [])
  const all = lists.flat()
  const from = new Int32Array(vehicles.length + 1)
  lists.forEach((list, index) => {
    from[index + 1] = from[index]! + list.length
  })
  const windowFrom = new Int32Array(all.length + 1)
  all.forEach((pause, index) => {
    windowFrom[index + 1] = windowFrom[index]! + pause.timeWindows.length
  })
  const toModelTime = (seconds: number) => Math.max(-FOREVER, Math.min(FOREVER - 1, seconds - originSeconds))
  const windows = all.flatMap((pause) => pause.timeWindows)
  const kinds = lists.map((list) => JSON.stringify(list.map(({ id: _id, ...rest }) => rest)))
  return {
    layers: 1 + Math.max(0, ...lists.map((list) => list.length)),
    count: Int32Array.from(lists, (list) => list.length),
    from,
    kind: Int32Array.from(kinds, (kind) => kinds.indexOf(kind)),
    serviceSeconds: Int32Array.from(all, (pause) => pause.serviceSeconds),
    windowFrom,
    windowOpen: Int32Array.from(windows, ([start]) => toModelTime(start)),
    windowClose: Int32Array.from(windows, ([, end]) => toModelTime(end)),
  }
}
