import * as z from 'zod'
import { Latitude, Longitude } from '../schemas.ts'

/** Whether the IANA database knows the zone; offsets such as `+02:00` are refused, because they know no seasons. */
function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name }).format()
    return /^[A-Za-z]/.test(name)
  } catch {
    return false
  }
}

const Minutes = z
  .int()
  .min(0)
  .max(7 * 24 * 60)

/** What the hub can do beside where it is; all of it can be changed later. */
const hubRules = {
  windowCapacity: z.int().min(0).max(100_000).describe('Orders that one window takes'),
  baseFeeCents: z.int().min(0).max(100_000),
  cutOffMinutes: Minutes.nullable().describe(
    'How long before its start a window is no longer offered; null: as configured for all hubs',
  ),
  windowCutOffs: z
    .array(z.strictObject({ startHour: z.int().min(0).max(23), minutes: Minutes }))
    .max(24)
    .describe('Other cut-offs for windows that start at these hours of the hub’s clocks'),
  loadingVansPerSlot: z
    .int()
    .min(1)
    .max(1_000)
    .nullable()
    .describe('Vans that can be loaded and leave in one slot; null: any number'),
  loadingSlotMinutes: z.int().min(5).max(120),
  capacityCheck: z
    .enum(['counter', 'plan', 'fleet'])
    .describe(
      'What closes a window beside its counter. `plan`: the published plan of its day has no place left; ' +
        '`fleet`: also, before there is a plan, the shifts have no time left; `counter`: nothing',
    ),
}

export const NewHub = z.strictObject({
  name: z.string().trim().min(1).max(120),
  latitude: Latitude,
  longitude: Longitude,
  serviceRadiusMeters: z.int().min(100).max(200_000),
  timeZone: z.string().max(64).refine(isTimeZone, 'must be an IANA time zone such as America/New_York'),
  windowCapacity: hubRules.windowCapacity.default(1_000),
  baseFeeCents: hubRules.baseFeeCents.default(599),
  cutOffMinutes: hubRules.cutOffMinutes.default(null),
  windowCutOffs: hubRules.windowCutOffs.default([]),
  loadingVansPerSlot: hubRules.loadingVansPerSlot.default(null),
  loadingSlotMinutes: hubRules.loadingSlotMinutes.default(15),
  capacityCheck: hubRules.capacityCheck.default('plan'),
})

export const HubChange = z
  .strictObject(hubRules)
  .partial()
  .refine((change) => Object.values(change).some((value) => value !== undefined), 'names nothing to change')

export const Hub = z.object({
  id: z.uuid(),
  name: z.string(),
  latitude: z.number(),
  longitude: z.number(),
  serviceRadiusMeters: z.int(),
  timeZone: z.string(),
  windowCapacity: z.int(),
  baseFeeCents: z.int(),
  cutOffMinutes: z.int().nullable(),
  windowCutOffs: z.array(z.object({ startHour: z.int(), minutes: z.int() })),
  loadingVansPerSlot: z.int().nullable(),
  loadingSlotMinutes: z.int(),
  capacityCheck: z.enum(['counter', 'plan', 'fleet']),
})

export type HubChange = z.infer<typeof HubChange>
export type NewHub = z.infer<typeof NewHub>
export type Hub = z.infer<typeof Hub>
