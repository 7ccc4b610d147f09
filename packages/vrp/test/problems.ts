import fc from 'fast-check'
import type { Break, Problem, Shipment, Stop, TimeSpan, Vehicle } from '../src/problem.ts'

/** Places on a line, so that every figure can be checked by hand: one second and ten meters between neighbours. */
export function lineProblem(stops: readonly Stop[], vehicles: readonly Vehicle[], length = 101): Problem {
  const matrix = (scale: number) =>
    Int32Array.from({ length: length * length }, (_, cell) => {
      return scale * Math.abs(Math.floor(cell / length) - (cell % length))
    })
  return { locationCount: length, durationsSeconds: matrix(1), distancesMeters: matrix(10), stops, vehicles }
}

/** A stop that can be served at any time, unless the test says otherwise. */
export function stopAt(location: number, overrides: Partial<Stop> = {}): Stop {
  return {
    id: `s${location}`,
    location,
    serviceSeconds: 0,
    demand: [1],
    timeWindows: [[0, 1_000]],
    ...overrides,
  }
}

/** A vehicle that starts and ends at place 0 and costs one for each meter, unless the test says otherwise. */
export function vehicle(id: string, overrides: Partial<Vehicle> = {}): Vehicle {
  const costs = { fixed: 0, perMeter: 1, perSecond: 0 }
  return { id, startLocation: 0, endLocation: 0, capacity: [10], shift: [0, 1_000], costs, ...overrides }
}

/** Problems with every feature that there is, small enough to be checked in a moment. */
export function richProblem(limits: { stops: number; vehicles: number }): fc.Arbitrary<Problem> {
  return fc
    .record({
      points: fc.array(fc.tuple(fc.nat(30), fc.nat(30)), { minLength: 1, maxLength: 8 }),
      dimensions: fc.nat(2),
      originSeconds: fc.constantFrom(0, 1_750_000_000),
    })
    .chain(({ points, dimensions, originSeconds }) =>
      fc
        .record({
          stops: fc.array(stopDraft(points.length, dimensions), { maxLength: limits.stops }),
          vehicles: fc.array(vehicleDraft(points.length, dimensions), { maxLength: limits.vehicles }),
          pins: fc.array(fc.record({ stop: fc.nat(20), vehicle: fc.nat(20) }), { maxLength: 2 }),
          locks: fc.array(fc.record({ stop: fc.nat(20), vehicle: fc.nat(20) }), { maxLength: 3 }),
          announcements: fc.array(fc.record({ stop: fc.nat(20), vehicle: fc.nat(20), position: fc.nat(5) }), {
            maxLength: 4,
          }),
          changePrices: fc.record({
            otherVehicle: fc.constantFrom(0, 20),
            otherPosition: fc.constantFrom(0, 5),
            tolerance: fc.nat(2),
          }),
          shipments: fc.array(amounts(dimensions, 6), { maxLength: 3 }),
        })
        .map(({ stops, vehicles, pins, locks, announcements, shipments, changePrices }) => {
          const drafts = withPinsAndLocks(stops, vehicles, pins, locks)
          return {
            ...matricesOf(points),
            ...shifted(withShipments(withAnnouncements(drafts, announcements), shipments), originSeconds),
            changePrices,
          }
        }),
    )
}

type Pair = { stop: number; vehicle: number }
type Drafts = { stops: Stop[]; vehicles: Vehicle[]; shipments?: Shipment[] }

function amounts(dimensions: number, max: number): fc.Arbitrary<number[]> {
  return fc.array(fc.nat(max), { minLength: dimensions, maxLength: dimensions })
}

function matricesOf(points: readonly (readonly [number, number])[]) {
  const legs = points.flatMap((a) => points.map((b) => Math.hypot(a[0] - b[0], a[1] - b[1])))
  return {
    locationCount: points.length,
    durationsSeconds: Int32Array.from(legs, (leg) => Math.ceil(leg)),
    distancesMeters: Int32Array.from(legs, (leg) => Math.ceil(10 * leg)),
  }
}

function stopDraft(locations: number, dimensions: number): fc.Arbitrary<Omit<Stop, 'id'>> {
  return fc.record(
    {
      location: fc.nat(locations - 1),
      serviceSeconds: fc.nat(10),
      setupSeconds: fc.nat(5),
      demand: amounts(dimensions, 6),
      pickup: amounts(dimensions, 4),
      timeWindows: timeWindows(),
      skills: fc.subarray(['cold', 'lift']),
      priority: fc.nat(100),
    },
    { requiredKeys: ['location', 'serviceSeconds', 'demand', 'timeWindows'] },
  )
}

function vehicleDraft(locations: number, dimensions: number): fc.Arbitrary<Omit<Vehicle, 'id'>> {
  const price = fc.constantFrom(0, 0.25, 1, 3)
  const end = fc.option(fc.nat(locations - 1))
  const drafts = fc.record(
    {
      startLocation: end,
      endLocation: end,
      capacity: fc.array(fc.integer({ min: 3, max: 15 }), { minLength: dimensions, maxLength: dimensions }),
      shift: fc.tuple(fc.nat(50), fc.integer({ min: 50, max: 250 })),
      skills: fc.subarray(['cold', 'lift']),
      maxStops: fc.integer({ min: 1, max: 6 }),
      maxTravelSeconds: fc.integer({ min: 20, max: 200 }),
      maxMeters: fc.integer({ min: 200, max: 2_000 }),
      breaks: fc.array(fc.record({ at: fc.nat(150), slack: fc.nat(60), serviceSeconds: fc.nat(15) }), {
        maxLength: 2,
      }),
      costs: fc.record(
        {
          fixed: fc.constantFrom(0, 100),
          perMeter: price,
          perSecond: price,
          perTravelSecond: fc.constantFrom(0, 2),
        },
        { requiredKeys: ['fixed', 'perMeter', 'perSecond'] },
      ),
      speedFactor: fc.constantFrom(0.5, 1, 1.7),
    },
    { requiredKeys: ['startLocation', 'endLocation', 'capacity', 'shift', 'costs'] },
  )
  return drafts.map(({ breaks, ...rest }) =>
    breaks ? { ...rest, breaks: breaksWithin(rest.shift, breaks) } : rest,
  )
}

type BreakDraft = { at: number; slack: number; serviceSeconds: number }

/** Breaks with one or two windows, the first of which lies in the shift. */
function breaksWithin(shift: TimeSpan, drafts: readonly BreakDraft[]): Break[] {
  return drafts.map(({ at, slack, serviceSeconds }, index) => {
    const start = shift[0] + (at % Math.max(1, shift[1] - serviceSeconds - shift[0]))
    const first: TimeSpan = [start, start + slack]
    const second: TimeSpan = [start + slack + 20, start + slack + 30]
    return {
      id: `b${index}`,
      serviceSeconds: Math.min(serviceSeconds, shift[1] - start),
      timeWindows: at % 3 === 0 ? [first, second] : [first],
    }
  })
}

/** One to three ascending windows made from distinct moments. */
function timeWindows(): fc.Arbitrary<TimeSpan[]> {
  return fc
    .uniqueArray(fc.nat(250), { minLength: 2, maxLength: 6 })
    .map((moments) => moments.toSorted((a, b) => a - b))
    .map((moments) => {
      return Array.from({ length: Math.floor(moments.length / 2) }, (_, index): TimeSpan => {
        return [moments[2 * index]!, moments[2 * index + 1]!]
      })
    })
}

function withPinsAndLocks(
  stopDrafts: readonly Omit<Stop, 'id'>[],
  vehicleDrafts: readonly Omit<Vehicle, 'id'>[],
  pins: readonly Pair[],
  locks: readonly Pair[],
): Drafts {
  const stops: Stop[] = stopDrafts.map((draft, index) => ({ ...draft, id: `s${index}` }))
  const vehicles: Vehicle[] = vehicleDrafts.map((draft, index) => ({ ...draft, id: `v${index}` }))
  if (stops.length === 0 || vehicles.length === 0) return { stops, vehicles }
  const taken = new Set<number>()
  for (const lock of locks) {
    const stop = lock.stop % stops.length
    const owner = lock.vehicle % vehicles.length
    if (taken.has(stop)) continue
    taken.add(stop)
    const before = vehicles[owner]!
    vehicles[owner] = { ...before, lockedStops: [...(before.lockedStops ?? []), stops[stop]!.id] }
  }
  for (const pin of pins) {
    const stop = pin.stop % stops.length
    if (!taken.has(stop))
      stops[stop] = { ...stops[stop]!, vehicleIds: [vehicles[pin.vehicle % vehicles.length]!.id] }
  }
  return { stops, vehicles }
}

function withAnnouncements(
  { stops, vehicles }: Drafts,
  announcements: readonly (Pair & { position: number })[],
): Drafts {
  if (stops.length === 0 || vehicles.length === 0) return { stops, vehicles }
  const announced = [...stops]
  for (const { stop, vehicle: owner, position } of announcements) {
    const index = stop % stops.length
    const vehicleId = vehicles[owner % vehicles.length]!.id
    announced[index] = { ...announced[index]!, announced: { vehicleId, position } }
  }
  return { stops: announced, vehicles }
}

/** Makes shipments of the last stops that are not locked, two by two. */
function withShipments({ stops, vehicles }: Drafts, amountsOf: readonly number[][]): Drafts {
  const locked = new Set(vehicles.flatMap(({ lockedStops = [] }) => lockedStops))
  const free = stops.filter(({ id }) => !locked.has(id)).map(({ id }) => id)
  const shipments = amountsOf.slice(0, Math.floor(free.length / 2)).map((amount, index) => ({
    pickupStop: free[2 * index]!,
    deliveryStop: free[2 * index + 1]!,
    amount,
  }))
  const halves = new Set(shipments.flatMap(({ pickupStop, deliveryStop }) => [pickupStop, deliveryStop]))
  const emptied = stops.map(({ pickup, ...stop }) => {
    if (halves.has(stop.id)) return { ...stop, demand: stop.demand.map(() => 0) }
    return pickup ? { ...stop, pickup } : stop
  })
  return { stops: emptied, vehicles, shipments }
}

function shifted({ stops, vehicles, shipments = [] }: Drafts, by: number): Drafts {
  const move = ([start, end]: TimeSpan): TimeSpan => [start + by, end + by]
  return {
    stops: stops.map((stop) => ({ ...stop, timeWindows: stop.timeWindows.map(move) })),
    vehicles: vehicles.map((entry) => ({
      ...entry,
      shift: move(entry.shift),
      ...(entry.breaks && {
        breaks: entry.breaks.map((each) => ({ ...each, timeWindows: each.timeWindows.map(move) })),
      }),
    })),
    shipments,
  }
}
