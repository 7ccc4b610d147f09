import { distanceMeters, type Point } from '../geo.ts'

/** A stop as the check sees it: seconds of any one axis. */
export type Visit = {
  point: Point
  /** From the stop before, breaks included; null: estimated. */
  legSeconds: number | null
  serviceSeconds: number
  open: number
  close: number
  weightGrams: number
  volumeMilliliters: number
  /** Each of which the van must have. */
  skills: readonly string[]
}

/** What a van does so far, and what it may do. */
export type VanDay = {
  start: number
  end: number
  capacity: { weightGrams: number; volumeMilliliters: number }
  skills: readonly string[]
  visits: Visit[]
}

/** Where a visit fits and how many seconds of driving it adds. */
type Place = { van: number; index: number; added: number }

const DETOUR_FACTOR = 1.3
const METERS_PER_SECOND = 7

/**
 * Vans with what they do, asked whether one more visit fits: for each stop it is known when it is done at the
 * earliest and must begin at the latest, so that a position takes constant time (Savelsbergh 1992, forward slack).
 * An estimate: travel is a straight line with a detour, and nothing is put into another order.
 */
export function createFleetSlack(hub: Point, vans: readonly VanDay[]) {
  const routes = vans.map((van) => slackOf(hub, { ...van, visits: [...van.visits] }))

  function findPlace(visit: Visit): Place | null {
    let best: Place | null = null
    for (const [van, route] of routes.entries()) {
      if (!hasRoom(route, visit)) continue
      for (let index = 0; index <= route.van.visits.length; index += 1) {
        const added = priceAt(hub, route, visit, index)
        if (added !== null && (best === null || added < best.added)) best = { van, index, added }
      }
    }
    return best
  }

  return {
    /** What the vans do by now. */
    vans: (): VanDay[] => routes.map(({ van }) => van),
    /** Whether a visit fits somewhere. */
    fits: (visit: Visit): boolean => findPlace(visit) !== null,
    /** Puts a visit where it adds least; false where it fits nowhere. */
    add(visit: Visit): boolean {
      const place = findPlace(visit)
      const route = place === null ? undefined : routes[place.van]
      if (place === null || route === undefined) return false
      const { van } = route
      const visits = van.visits.toSpliced(place.index, 0, { ...visit, legSeconds: null })
      const next = visits[place.index + 1]
      if (next !== undefined) visits[place.index + 1] = { ...next, legSeconds: null }
      routes[place.van] = slackOf(hub, { ...van, visits })
      return true
    },
  }
}

type Slack = {
  van: VanDay
  weightGrams: number
  volumeMilliliters: number
  /** By stop: when it can be left at the earliest. */
  done: number[]
  /** By stop: when the van must be there at the latest; one more for the hub. */
  due: number[]
}

function slackOf(hub: Point, van: VanDay): Slack {
  const { visits, start, end } = van
  const leg = (index: number) =>
    visits[index]?.legSeconds ?? driving(pointAt(hub, visits, index - 1), pointAt(hub, visits, index))
  const done: number[] = []
  let clock = start
  for (const [index, { open, serviceSeconds }] of visits.entries()) {
    clock = Math.max(clock + leg(index), open) + serviceSeconds
    done.push(clock)
  }
  const due: number[] = [end]
  for (let index = visits.length - 1; index >= 0; index -= 1) {
    const visit = visits[index]
    if (visit === undefined) continue
    const next = due[0] ?? end
    due.unshift(Math.min(visit.close, next - leg(index + 1) - visit.serviceSeconds))
  }
  return {
    van,
    weightGrams: visits.reduce((sum, { weightGrams }) => sum + weightGrams, 0),
    volumeMilliliters: visits.reduce((sum, { volumeMilliliters }) => sum + volumeMilliliters, 0),
    done,
    due,
  }
}

function hasRoom({ van, weightGrams, volumeMilliliters }: Slack, visit: Visit): boolean {
  return (
    weightGrams + visit.weightGrams <= van.capacity.weightGrams &&
    volumeMilliliters + visit.volumeMilliliters <= van.capacity.volumeMilliliters &&
    visit.skills.every((skill) => van.skills.includes(skill))
  )
}

/** The seconds that a visit adds in front of the stop `index`; null where somebody would be late. */
function priceAt(hub: Point, { van, done, due }: Slack, visit: Visit, index: number): number | null {
  const before = pointAt(hub, van.visits, index - 1)
  const after = pointAt(hub, van.visits, index)
  const there = driving(before, visit.point)
  const onward = driving(visit.point, after)
  const begin = Math.max((done[index - 1] ?? van.start) + there, visit.open)
  if (begin > visit.close) return null
  const reached = begin + visit.serviceSeconds + onward
  return reached > (due[index] ?? van.end) ? null : there + onward - driving(before, after)
}

function pointAt(hub: Point, visits: readonly Visit[], index: number): Point {
  return visits[index]?.point ?? hub
}

function driving(from: Point, to: Point): number {
  return (distanceMeters(from, to) * DETOUR_FACTOR) / METERS_PER_SECOND
}
