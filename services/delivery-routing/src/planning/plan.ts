import * as z from 'zod'

export const PlanScope = z.enum(['day', 'repair', 'fresh'])

export const NewPlan = z.strictObject({
  hubId: z.uuid(),
  date: z.iso.date(),
  draft: z
    .boolean()
    .optional()
    .describe('Nobody but ops sees the plan until `POST /v1/dispatch/plans/{id}/publish`'),
  scope: PlanScope.optional().describe(
    '`day` (the default) plans all that is not under way and prefers what was announced; `fresh` does not care ' +
      'for that; `repair` looks for places for what has none and changes little else',
  ),
})

export const RouteStopView = z.object({
  id: z.uuid(),
  orderId: z.uuid(),
  orderNumber: z.string(),
  position: z.int().describe('From 1'),
  status: z.enum(['pending', 'arrived', 'delivered', 'failed']),
  pinned: z.boolean().describe('Put here by a person; planning again keeps it'),
  plannedArrival: z.iso.datetime(),
  eta: z.iso.datetime(),
  lateSeconds: z.int().describe('How long after its window it is expected, or was reached; 0 when in time'),
  window: z.object({ start: z.iso.datetime(), end: z.iso.datetime() }),
  latitude: z.number(),
  longitude: z.number(),
  parcels: z.int(),
})

export const RouteView = z
  .object({
    id: z.uuid(),
    planId: z.uuid(),
    hubId: z.uuid(),
    date: z.iso.date(),
    driverId: z.uuid(),
    vehicleId: z.uuid(),
    status: z.enum(['planned', 'started', 'completed']),
    version: z.int(),
    startsAt: z.iso.datetime(),
    endsAt: z.iso.datetime(),
    breaks: z.array(z.object({ startsAt: z.iso.datetime(), endsAt: z.iso.datetime(), afterStops: z.int() })),
    brokenDownAt: z.iso.datetime().nullable(),
    distanceMeters: z.int(),
    durationSeconds: z.int(),
    stops: z.array(RouteStopView),
  })
  .meta({ id: 'Route' })

export const PlanFigures = z.object({
  routes: z.int(),
  stops: z.int(),
  movedStops: z.int().describe('Served by another van than the plan before said'),
  unassigned: z.int(),
  distanceMeters: z.int(),
  durationSeconds: z.int(),
})

export const Plan = z
  .object({
    id: z.uuid(),
    hubId: z.uuid(),
    date: z.iso.date(),
    status: z.enum(['queued', 'running', 'done', 'failed']),
    version: z.int().nullable().describe('Counts the plans of this hub and day, from 1, once done'),
    scope: PlanScope,
    cause: z
      .string()
      .nullable()
      .describe('Why the day asked for it, such as `late_order`; null: a person did'),
    draft: z.boolean(),
    publishedAt: z.iso.datetime().nullable(),
    figures: PlanFigures.nullable(),
    travelSource: z.string().nullable().describe('Where the travel times came from; null without any'),
    error: z.string().optional(),
    createdAt: z.iso.datetime(),
    finishedAt: z.iso.datetime().nullable(),
    routes: z
      .array(RouteView)
      .describe('None while the plan is not done, or once a newer one replaced it: then see its snapshot'),
    unassigned: z.array(z.object({ orderId: z.uuid(), reason: z.string() })),
  })
  .meta({ id: 'Plan' })

/** A plan without its routes, as it is stored and listed. */
export const PlanSummary = Plan.omit({ routes: true, unassigned: true }).meta({ id: 'PlanSummary' })
export type PlanRecord = Omit<z.infer<typeof Plan>, 'routes'>

/** The routes of a day as a version of its plan left them. */
export const PlanSnapshot = z
  .object({
    id: z.uuid(),
    version: z.int().nullable(),
    publishedAt: z.iso.datetime().nullable(),
    unassigned: z.array(z.object({ orderId: z.uuid(), reason: z.string() })),
    routes: z.array(
      z.object({
        id: z.uuid(),
        driverId: z.uuid(),
        vehicleId: z.uuid(),
        status: z.enum(['planned', 'started', 'completed']),
        startsAt: z.iso.datetime(),
        endsAt: z.iso.datetime(),
        distanceMeters: z.int(),
        stops: z.array(
          z.object({ id: z.uuid(), orderId: z.uuid(), position: z.int(), plannedArrival: z.iso.datetime() }),
        ),
      }),
    ),
  })
  .meta({ id: 'PlanSnapshot' })
export type SnapshotRoute = z.infer<typeof PlanSnapshot>['routes'][number]
