import * as z from 'zod'

export const NewPlan = z.strictObject({ hubId: z.uuid(), date: z.iso.date() })

export const RouteStopView = z.object({
  id: z.uuid(),
  orderId: z.uuid(),
  orderNumber: z.string(),
  position: z.int().describe('From 1'),
  status: z.enum(['pending', 'arrived', 'delivered', 'failed']),
  pinned: z.boolean().describe('Put here by a person; planning again keeps it'),
  plannedArrival: z.iso.datetime(),
  eta: z.iso.datetime(),
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
    distanceMeters: z.int(),
    durationSeconds: z.int(),
    stops: z.array(RouteStopView),
  })
  .meta({ id: 'Route' })

export const Plan = z
  .object({
    id: z.uuid(),
    hubId: z.uuid(),
    date: z.iso.date(),
    status: z.enum(['queued', 'running', 'done', 'failed']),
    version: z.int().nullable().describe('Counts the plans of this hub and day, from 1, once done'),
    travelSource: z.string().nullable().describe('Where the travel times came from; null without any'),
    error: z.string().optional(),
    createdAt: z.iso.datetime(),
    finishedAt: z.iso.datetime().nullable(),
    routes: z.array(RouteView).describe('None while the plan is not done, or once a newer one replaced it'),
    unassigned: z.array(z.object({ orderId: z.uuid(), reason: z.string() })),
  })
  .meta({ id: 'Plan' })

/** A plan without its routes, as it is stored. */
export type PlanRecord = Omit<z.infer<typeof Plan>, 'routes'>
