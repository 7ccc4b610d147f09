import * as z from 'zod'

/** The answer in VROOM's fields. `reason` and `detail` of unassigned tasks are ours. */

const Cause = z.enum([
  'lead_time',
  'delay',
  'load',
  'max_tasks',
  'skills',
  'precedence',
  'missing_break',
  'max_travel_time',
  'max_distance',
  'max_load',
])

const Violation = z.object({
  cause: Cause,
  duration: z.int().optional().describe('Seconds too early (`lead_time`) or too late (`delay`)'),
})

const Amounts = z.array(z.int())
const Location = z.tuple([z.number(), z.number()]).readonly()
const Described = {
  description: z.string().optional(),
  location: Location.optional(),
  location_index: z.int().optional(),
}

const Step = z.object({
  type: z.enum(['start', 'job', 'pickup', 'delivery', 'break', 'end']),
  ...Described,
  id: z.int().optional().describe('Of the task or the break'),
  job: z.int().optional().describe('The old name of `id` for jobs'),
  setup: z.int(),
  service: z.int(),
  waiting_time: z.int(),
  load: Amounts.optional().describe('On board after this step'),
  arrival: z.int(),
  duration: z.int().describe('Driving so far'),
  distance: z.int().optional().describe('Meters so far'),
  violations: z.array(Violation),
})

const Totals = {
  cost: z.int(),
  setup: z.int(),
  service: z.int().describe('Of tasks and breaks'),
  duration: z.int().describe('Driving'),
  waiting_time: z.int(),
  priority: z.int(),
  distance: z.int().optional(),
  delivery: Amounts.optional(),
  amount: Amounts.optional().describe('The old name of `delivery`'),
  pickup: Amounts.optional(),
  violations: z.array(Violation),
}

const Route = z.object({
  vehicle: z.int(),
  description: z.string().optional(),
  steps: z.array(Step),
  geometry: z
    .string()
    .optional()
    .describe('With `options.g`: an encoded polyline of straight lines between steps'),
  ...Totals,
})

const Unassigned = z.object({
  id: z.int(),
  type: z.enum(['job', 'pickup', 'delivery']),
  ...Described,
  reason: z
    .enum([
      'no_vehicle',
      'skills',
      'capacity',
      'time_window',
      'shift',
      'vehicle_limit',
      'fleet_full',
      'not_in_steps',
    ])
    .describe('Ours: why it is left out; see `detail`'),
  detail: z.string(),
})

export const OptimizeAnswer = z
  .object({
    code: z.literal(0),
    summary: z.object({
      routes: z.int(),
      unassigned: z.int(),
      ...Totals,
      computing_times: z
        .object({ loading: z.int(), solving: z.int(), routing: z.int() })
        .describe('Milliseconds: waiting, reading and checking; searching; finding travel times'),
    }),
    routes: z.array(Route),
    unassigned: z.array(Unassigned),
  })
  .meta({ id: 'OptimizeAnswer' })

export type OptimizeAnswer = z.infer<typeof OptimizeAnswer>
export type Route = z.infer<typeof Route>
export type Step = z.infer<typeof Step>
export type Violation = z.infer<typeof Violation>
export type ViolationCause = Violation['cause']
export type Unassigned = z.infer<typeof Unassigned>
