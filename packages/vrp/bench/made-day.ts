import type { Problem } from '../src/problem.ts'

const HOUR = 3_600
const RADIUS_METERS = 20_000
const METERS_PER_SECOND = 8
const STOPS_PER_VAN = 40

/** With a break for each driver, with pickups and deliveries in pairs, or with a fifth of the vehicles. */
export type DayKind = 'plain' | 'breaks' | 'shipments' | 'short'

/** A made-up day of a size, the same one for each seed: stops scattered around a hub, in windows of two hours. */
export function makeDay(stops: number, seed: number, kind: DayKind = 'plain'): Problem {
  const day = makePlainDay(stops, seed)
  switch (kind) {
    case 'plain':
      return day
    case 'breaks': {
      const lunch = { id: 'lunch', timeWindows: [[11 * HOUR, 14 * HOUR] as const], serviceSeconds: HOUR / 2 }
      return { ...day, vehicles: day.vehicles.map((vehicle) => ({ ...vehicle, breaks: [lunch] })) }
    }
    case 'shipments':
      return withShipments(day)
    case 'short':
      return { ...day, vehicles: day.vehicles.slice(0, Math.ceil(day.vehicles.length / 5)) }
  }
}

/** Each second stop is where the goods of the one before go, at any time. */
function withShipments(day: Problem): Problem {
  const stops = day.stops.map((stop, index) =>
    index % 2 === 0
      ? { ...stop, demand: [0] }
      : { ...stop, demand: [0], timeWindows: [[8 * HOUR, 19 * HOUR] as const] },
  )
  const shipments = day.stops.flatMap((stop, index) => {
    const other = day.stops[index + 1]
    return index % 2 === 0 && other !== undefined
      ? [{ pickupStop: stop.id, deliveryStop: other.id, amount: stop.demand }]
      : []
  })
  return {
    ...day,
    stops,
    shipments,
    vehicles: [...day.vehicles, ...day.vehicles].map((van, index) => ({ ...van, id: `van-${index + 1}` })),
  }
}

function makePlainDay(stops: number, seed: number): Problem {
  const random = randomFrom(seed)
  const places = Array.from({ length: stops + 1 }, (_, index) => {
    const reach = index === 0 ? 0 : RADIUS_METERS * Math.sqrt(random())
    const angle = 2 * Math.PI * random()
    return { x: reach * Math.cos(angle), y: reach * Math.sin(angle) }
  })
  const count = places.length
  const distancesMeters = new Int32Array(count * count)
  const durationsSeconds = new Int32Array(count * count)
  for (let a = 0; a < count; a++) {
    for (let b = 0; b < count; b++) {
      const meters = Math.round(Math.hypot(places[a]!.x - places[b]!.x, places[a]!.y - places[b]!.y))
      distancesMeters[a * count + b] = meters
      durationsSeconds[a * count + b] = Math.ceil(meters / METERS_PER_SECOND)
    }
  }
  return {
    locationCount: count,
    distancesMeters,
    durationsSeconds,
    stops: places.slice(1).map((_, index) => {
      const start = (8 + 2 * Math.floor(random() * 5)) * HOUR
      return {
        id: String(index + 1),
        location: index + 1,
        serviceSeconds: 180,
        demand: [1 + Math.floor(random() * 20)],
        timeWindows: [[start, start + 2 * HOUR]] as const,
      }
    }),
    vehicles: Array.from({ length: Math.ceil(stops / STOPS_PER_VAN) }, (_, index) => ({
      id: `van-${index + 1}`,
      startLocation: 0,
      endLocation: 0,
      capacity: [800],
      shift: [8 * HOUR, 19 * HOUR],
      costs: { fixed: 0, perMeter: 1, perSecond: 0 },
    })),
  }
}

/** Mulberry32: small, and the same everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
