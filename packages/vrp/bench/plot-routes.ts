import type { Solution } from '../src/solution.ts'
import type { Instance } from './solomon.ts'

const SIZE = 800
const MARGIN = 20

/** The routes of a plan as an SVG picture: one colour for each, the depot a square, what is left out crosses. */
export function plotRoutes({ name, problem, points }: Instance, solution: Solution): string {
  const place = scaling(points)
  const at = new Map(problem.stops.map((stop) => [stop.id, place(points[stop.location]!)]))
  const ends = new Map(problem.vehicles.map((vehicle) => [vehicle.id, vehicle]))
  const lines = solution.routes.map(({ vehicleId, stops }, index) => {
    const { startLocation, endLocation } = ends.get(vehicleId)!
    const depot = (location: number | null) => (location === null ? [] : [place(points[location]!)])
    const path = [...depot(startLocation), ...stops.map(({ id }) => at.get(id)!), ...depot(endLocation)]
    const hue = Math.round((360 * index) / solution.routes.length)
    const title = `<title>${vehicleId}: ${stops.length} stops</title>`
    const text = path.map((point) => point.join(',')).join(' ')
    return `<polyline points="${text}" fill="none" stroke="hsl(${hue} 70% 45%)" stroke-width="1.5">${title}</polyline>`
  })
  const dots = solution.routes.flatMap(({ stops }) =>
    stops.map(({ id }) => `<circle cx="${at.get(id)![0]}" cy="${at.get(id)![1]}" r="2"/>`),
  )
  const crosses = solution.unassigned.map(({ id }) => {
    const [x, y] = at.get(id)!
    return `<path d="M${x - 4} ${y - 4}l8 8m0-8l-8 8" stroke="red"/>`
  })
  const starts = new Set(problem.vehicles.flatMap(({ startLocation }) => startLocation ?? []))
  const depots = [...starts].map((location) => {
    const [x, y] = place(points[location]!)
    return `<rect x="${x - 5}" y="${y - 5}" width="10" height="10"/>`
  })
  const caption = `${name}: ${solution.routes.length} routes, ${solution.unassigned.length} stops left out`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE} ${SIZE}" font-family="sans-serif">`,
    `<rect width="${SIZE}" height="${SIZE}" fill="white"/>`,
    ...lines,
    ...dots,
    ...crosses,
    ...depots,
    `<text x="${MARGIN}" y="${SIZE - 6}" font-size="12">${caption}</text>`,
    '</svg>\n',
  ].join('\n')
}

type Point = readonly [x: number, y: number]

/** From the instance's coordinates to the picture's, north up. */
function scaling(points: readonly Point[]): (point: Point) => Point {
  const least = (axis: 0 | 1) =>
    points.reduce((found, point) => Math.min(found, point[axis]), Number.POSITIVE_INFINITY)
  const most = (axis: 0 | 1) =>
    points.reduce((found, point) => Math.max(found, point[axis]), Number.NEGATIVE_INFINITY)
  const [left, top] = [least(0), most(1)]
  const extent = Math.max(most(0) - left, top - least(1), 1)
  const scaled = (distance: number) =>
    Math.round((MARGIN + (distance * (SIZE - 2 * MARGIN)) / extent) * 10) / 10
  return ([x, y]) => [scaled(x - left), scaled(top - y)]
}
