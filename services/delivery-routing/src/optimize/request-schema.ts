import * as z from 'zod'
import {
  MAX_AMOUNT,
  MAX_BREAKS,
  MAX_DIMENSIONS,
  MAX_ID,
  MAX_LEG,
  MAX_LOCATIONS,
  MAX_MOMENT,
  MAX_PRICE,
  MAX_SECONDS,
  MAX_SKILLS,
  MAX_TASKS,
  MAX_TEXT,
  MAX_TIME_LIMIT_MS,
  MAX_VEHICLES,
  MAX_WINDOWS,
  MIN_TIME_LIMIT_MS,
} from './limits.ts'

/** The request for the OpenAPI document. A thread reads requests by `read-request.ts`; a test compares the two. */

const Id = z.int().min(0).max(MAX_ID)
const Seconds = z.int().min(0).max(MAX_SECONDS)
const Moment = z.int().min(0).max(MAX_MOMENT)
const Location = z.tuple([z.number().min(-180).max(180), z.number().min(-90).max(90)])
const Index = z.int().min(0)
const Amounts = z.array(z.int().min(0).max(MAX_AMOUNT)).max(MAX_DIMENSIONS)
const Skills = z.array(Id).max(MAX_SKILLS)
const Window = z.tuple([Moment, Moment])
const Windows = z.array(Window).max(MAX_WINDOWS)
const Price = z.int().min(0).max(MAX_PRICE)
const Text = z.string().max(MAX_TEXT)
const Priority = z.int().min(0).max(100)

const taskFields = {
  id: Id,
  description: Text.optional(),
  location: Location.optional().describe('Longitude, latitude; needed without matrices'),
  location_index: Index.optional().describe('Row in the matrices; needed beside them'),
  setup: Seconds.optional().describe('Once on arriving at a place'),
  service: Seconds.optional(),
  setup_per_type: z.record(z.string(), Seconds).optional().describe('By `type` of vehicle'),
  service_per_type: z.record(z.string(), Seconds).optional().describe('By `type` of vehicle'),
  time_windows: Windows.optional().describe(
    'The task starts (its setup first) within one; ascending, disjoint',
  ),
}

const Job = z.strictObject({
  ...taskFields,
  delivery: Amounts.optional(),
  amount: Amounts.optional().describe('The old name of `delivery`'),
  pickup: Amounts.optional(),
  skills: Skills.optional(),
  priority: Priority.optional(),
})

const Shipment = z.strictObject({
  pickup: z.strictObject(taskFields),
  delivery: z.strictObject(taskFields),
  amount: Amounts.optional(),
  skills: Skills.optional(),
  priority: Priority.optional(),
})

const Break = z.strictObject({
  id: Id,
  description: Text.optional(),
  time_windows: Windows.optional(),
  service: Seconds.optional(),
  max_load: Amounts.optional().describe('Below the capacity in plan mode only'),
})

const Step = z.strictObject({
  type: z.enum(['start', 'job', 'pickup', 'delivery', 'break', 'end']),
  id: Id.optional(),
  service_at: Moment.optional(),
  service_after: Moment.optional(),
  service_before: Moment.optional(),
})

const Vehicle = z.strictObject({
  id: Id,
  profile: Text.optional().describe('`car` unless matrices are given'),
  description: Text.optional(),
  start: Location.optional(),
  start_index: Index.optional(),
  end: Location.optional(),
  end_index: Index.optional(),
  capacity: Amounts.optional(),
  costs: z
    .strictObject({
      fixed: Price.optional(),
      per_hour: Price.optional().describe('3600 unless given'),
      per_task_hour: Price.optional().describe('The same for all vehicles'),
      per_km: Price.optional(),
    })
    .optional(),
  skills: Skills.optional(),
  type: Text.optional(),
  time_window: Window.optional(),
  breaks: z.array(Break).max(MAX_BREAKS).optional(),
  speed_factor: z.number().min(0.01).max(5).optional(),
  max_tasks: z.int().min(0).optional(),
  max_travel_time: Moment.optional(),
  max_distance: Moment.optional(),
  steps: z
    .array(Step)
    .optional()
    .describe('Plan mode: the route; else a plan that the answer is never worse than'),
})

const Matrix = z
  .array(z.array(z.int().min(0).max(MAX_LEG)))
  .min(1)
  .max(MAX_LOCATIONS)

const Options = z.strictObject({
  timeLimitMs: z
    .int()
    .min(MIN_TIME_LIMIT_MS)
    .max(MAX_TIME_LIMIT_MS)
    .optional()
    .describe('A hard deadline from the arrival of the request, waiting included; else up to 5 s by size'),
  maxIterations: z
    .int()
    .min(1)
    .optional()
    .describe('With the seed and time enough: the same answer anywhere'),
  seed: z.int().min(0).optional(),
  mode: z.enum(['solve', 'plan']).optional(),
  c: z.boolean().optional().describe('VROOM: plan mode'),
  g: z.boolean().optional().describe('VROOM: geometry, as straight lines'),
  l: z.number().optional().describe('VROOM: the time limit in seconds'),
  t: z.int().min(1).max(64).optional().describe('VROOM: threads; without effect'),
  x: z.int().min(0).max(5).optional().describe('VROOM: exploration; without effect'),
})

export const OptimizeBody = z
  .strictObject({
    jobs: z.array(Job).max(MAX_TASKS).optional(),
    shipments: z
      .array(Shipment)
      .max(MAX_TASKS / 2)
      .optional(),
    vehicles: z.array(Vehicle).min(1).max(MAX_VEHICLES),
    matrices: z
      .record(
        z.string(),
        z.strictObject({ durations: Matrix, distances: Matrix.optional(), costs: Matrix.optional() }),
      )
      .optional()
      .describe('By profile; square, all of one size'),
    matrix: Matrix.optional().describe('The old name of `matrices.car.durations`'),
    options: Options.optional(),
  })
  .meta({ id: 'OptimizeRequest' })
