/** A VROOM problem after reading: complete, checked, and with every default filled in. */

export type Window = readonly [start: number, end: number]
export type TaskKind = 'job' | 'pickup' | 'delivery'

/** A place as the client described it; `row` is its row in the matrices. */
export type Place = {
  readonly location?: readonly [longitude: number, latitude: number]
  readonly locationIndex?: number
  readonly row: number
}

export type Task = {
  readonly kind: TaskKind
  readonly id: number
  /** Unique among all tasks; also the id of the stop in the optimizer's problem. */
  readonly key: string
  readonly path: string
  readonly description?: string
  readonly place: Place
  readonly setup: number
  readonly service: number
  readonly setupPerType: Readonly<Record<string, number>>
  readonly servicePerType: Readonly<Record<string, number>>
  /** What a job brings from the start and what it takes to the end; for halves of shipments both are `amount`. */
  readonly delivery: readonly number[]
  readonly pickup: readonly number[]
  readonly skills: readonly number[]
  readonly priority: number
  /** Null: at any time. */
  readonly windows: readonly Window[] | null
  /** The key of the other half of a shipment. */
  readonly partner: string | null
}

export type Costs = {
  readonly fixed: number
  readonly perHour: number
  readonly perTaskHour: number
  readonly perKm: number
}

export type Pause = {
  readonly id: number
  readonly description?: string
  readonly service: number
  readonly windows: readonly Window[] | null
  readonly maxLoad: readonly number[] | null
  readonly path: string
}

export type StepType = 'start' | TaskKind | 'break' | 'end'

/** A step of a route that the client described. */
export type GivenStep = {
  readonly type: StepType
  readonly task: Task | null
  readonly pause: Pause | null
  readonly serviceAt: number | null
  readonly serviceAfter: number | null
  readonly serviceBefore: number | null
  readonly path: string
}

export type Vehicle = {
  readonly id: number
  readonly path: string
  readonly profile: string
  readonly description?: string
  readonly start: Place | null
  readonly end: Place | null
  readonly capacity: readonly number[]
  readonly costs: Costs
  readonly skills: readonly number[]
  readonly type: string | undefined
  /** Null: at any time. */
  readonly window: Window | null
  readonly breaks: readonly Pause[]
  readonly speedFactor: number
  readonly maxTasks: number | null
  readonly maxTravelTime: number | null
  readonly maxDistance: number | null
  /** Null where the client gave none. */
  readonly steps: readonly GivenStep[] | null
}

/** Row-major, `size` rows. */
export type Matrices = {
  readonly durations: Int32Array
  readonly distances: Int32Array | null
  readonly costs: Int32Array | null
}

export type Options = {
  readonly mode: 'solve' | 'plan'
  readonly timeLimitMs: number
  readonly maxIterations: number | undefined
  readonly seed: number
  readonly geometry: boolean
}

export type OptimizeRequest = {
  readonly tasks: readonly Task[]
  readonly vehicles: readonly Vehicle[]
  readonly dimensions: number
  readonly options: Options
  /** How many rows the matrices have. */
  readonly size: number
  /** By profile; null where travel times are to be found from `points`. */
  readonly matrices: ReadonlyMap<string, Matrices> | null
  /** By row. */
  readonly points: readonly { latitude: number; longitude: number }[]
}

/** A request with its travel times. */
export type PreparedRequest = OptimizeRequest & { readonly matrices: ReadonlyMap<string, Matrices> }

/** The value for a vehicle's type, or the common one. */
export function forType(perType: Readonly<Record<string, number>>, type: string | undefined, common: number) {
  return type !== undefined && Object.hasOwn(perType, type) ? (perType[type] as number) : common
}

export function setupOf(task: Task, vehicle: Vehicle): number {
  return forType(task.setupPerType, vehicle.type, task.setup)
}

export function serviceOf(task: Task, vehicle: Vehicle): number {
  return forType(task.servicePerType, vehicle.type, task.service)
}
