import fc from 'fast-check'

/** Small VROOM problems with everything that there is in them; more than half of them can be solved. */
export function vroomProblem(): fc.Arbitrary<Record<string, unknown>> {
  return fc
    .record({
      places: fc.integer({ min: 1, max: 6 }),
      dimensions: fc.nat(2),
      origin: fc.constantFrom(0, 1_750_000_000),
    })
    .chain(({ places, dimensions, origin }) => {
      const context = { places, dimensions, origin }
      return fc.record(
        {
          jobs: fc.array(job(context), { maxLength: 7 }).map(numbered),
          shipments: fc.array(shipment(context), { maxLength: 3 }).map((drafts) =>
            drafts.map(({ pickup, delivery, ...rest }, id) => ({
              ...rest,
              pickup: { id, ...pickup },
              delivery: { id, ...delivery },
            })),
          ),
          vehicles: fc.array(vehicle(context), { minLength: 1, maxLength: 3 }).map(numbered),
          matrices: matrices(places),
          options: fc.record({
            maxIterations: fc.integer({ min: 1, max: 30 }),
            seed: fc.nat(1_000),
            g: fc.boolean(),
            timeLimitMs: fc.constant(5_000),
          }),
        },
        { requiredKeys: ['jobs', 'vehicles', 'matrices', 'options'] },
      )
    })
}

type Context = { places: number; dimensions: number; origin: number }

function numbered<T extends object>(drafts: readonly T[]): (T & { id: number })[] {
  return drafts.map((draft, id) => ({ id, ...draft }))
}

function task({ places, origin }: Context) {
  return {
    location_index: fc.nat(places - 1),
    description: fc.constantFrom('a', 'b'),
    setup: fc.nat(5),
    service: fc.nat(10),
    setup_per_type: fc.record({ fast: fc.nat(3), slow: fc.nat(20) }, { requiredKeys: [] }),
    service_per_type: fc.record({ fast: fc.nat(3), slow: fc.nat(20) }, { requiredKeys: [] }),
    time_windows: windows(origin),
  }
}

function windows(origin: number): fc.Arbitrary<[number, number][]> {
  return fc.uniqueArray(fc.nat(250), { minLength: 2, maxLength: 6 }).map((moments) => {
    const sorted = moments.toSorted((a, b) => a - b)
    return Array.from({ length: Math.floor(sorted.length / 2) }, (_, index): [number, number] => [
      origin + sorted[2 * index]!,
      origin + sorted[2 * index + 1]!,
    ])
  })
}

function amounts(dimensions: number, max: number) {
  return fc.array(fc.nat(max), { minLength: dimensions, maxLength: dimensions })
}

const chosen = { skills: fc.subarray([1, 2]), priority: fc.nat(100) }

function job(context: Context) {
  return fc.record(
    {
      ...task(context),
      ...chosen,
      delivery: amounts(context.dimensions, 5),
      pickup: amounts(context.dimensions, 3),
    },
    { requiredKeys: ['location_index'] },
  )
}

function shipment(context: Context) {
  const half = () => fc.record(task(context), { requiredKeys: ['location_index'] })
  return fc.record(
    { pickup: half(), delivery: half(), amount: amounts(context.dimensions, 5), ...chosen },
    { requiredKeys: ['pickup', 'delivery'] },
  )
}

function vehicle({ places, dimensions, origin }: Context) {
  const price = fc.constantFrom(0, 1, 900, 3_600)
  const pause = fc.record(
    {
      service: fc.nat(15),
      time_windows: windows(origin),
      max_load: amounts(dimensions, 24),
      description: fc.constant('rest'),
    },
    { requiredKeys: ['time_windows'] },
  )
  return fc.record(
    {
      start_index: fc.nat(places - 1),
      end_index: fc.nat(places - 1),
      profile: fc.constantFrom('car', 'car', 'bike'),
      description: fc.constant('van'),
      capacity: amounts(dimensions, 12),
      costs: fc.record({ fixed: price, per_hour: price, per_km: price }, { requiredKeys: [] }),
      skills: fc.subarray([1, 2]),
      type: fc.constantFrom('fast', 'slow', '__proto__'),
      time_window: fc
        .tuple(fc.nat(60), fc.integer({ min: 60, max: 300 }))
        .map(([from, to]) => [origin + from, origin + to]),
      breaks: fc.array(pause, { maxLength: 2 }).map(numbered),
      speed_factor: fc.constantFrom(0.5, 1, 1.37, 5),
      max_tasks: fc.nat(6),
      max_travel_time: fc.nat(300),
      max_distance: fc.nat(3_000),
    },
    { requiredKeys: ['start_index', 'capacity'] },
  )
}

/** Mostly with one matrix of distances for all profiles: others cannot always be planned together. */
function matrices(places: number) {
  const matrix = (scale: number) =>
    fc.array(fc.array(fc.nat(scale), { minLength: places, maxLength: places }), {
      minLength: places,
      maxLength: places,
    })
  const own = fc.record(
    { durations: matrix(60), distances: matrix(900), costs: matrix(50) },
    { requiredKeys: ['durations', 'distances'] },
  )
  const shared = fc.tuple(matrix(60), matrix(60), matrix(900)).map(([car, bike, distances]) => ({
    car: { durations: car, distances },
    bike: { durations: bike, distances },
  }))
  return fc.oneof(
    { weight: 4, arbitrary: shared },
    { weight: 1, arbitrary: fc.record({ car: own, bike: own }) },
  )
}

/** One change at any place of a JSON value: something is taken out, put in twice, or becomes something else. */
export function mutated(value: unknown): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.nat(1_000_000), fc.constantFrom('remove', 'twice', 'garbage'), garbage())
    .map(([place, change, replacement]) => {
      const copy = structuredClone(value)
      const slots: { owner: Record<string, unknown> | unknown[]; key: string }[] = []
      collect(copy, slots)
      const slot = slots[place % slots.length]
      if (slot === undefined) return replacement
      const { owner, key } = slot
      if (Array.isArray(owner)) {
        if (change === 'remove') owner.splice(Number(key), 1)
        else if (change === 'twice') owner.push(owner[Number(key)])
        else owner[Number(key)] = replacement
      } else if (change === 'remove') delete owner[key]
      else if (change === 'twice') owner[`${key}_`] = owner[key]
      else owner[key] = replacement
      return copy
    })
}

function collect(value: unknown, slots: { owner: Record<string, unknown> | unknown[]; key: string }[]): void {
  if (typeof value !== 'object' || value === null) return
  for (const key of Object.keys(value)) {
    slots.push({ owner: value as Record<string, unknown>, key })
    collect((value as Record<string, unknown>)[key], slots)
  }
}

/** What JSON can say and no field expects, or just so. */
export function garbage(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.constantFrom<unknown>(
      null,
      '',
      -1,
      0,
      1,
      0.5,
      1e12,
      2 ** 31,
      2 ** 53,
      [],
      {},
      [[]],
      true,
      'car',
      [5, 3],
      [0, 4_294_967_295],
    ),
    fc.jsonValue({ maxDepth: 2 }),
  )
}
