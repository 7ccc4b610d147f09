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

export const NewHub = z.strictObject({
  name: z.string().trim().min(1).max(120),
  latitude: Latitude,
  longitude: Longitude,
  serviceRadiusMeters: z.int().min(100).max(200_000),
  timeZone: z.string().max(64).refine(isTimeZone, 'must be an IANA time zone such as America/New_York'),
  windowCapacity: z.int().min(0).max(100_000).default(1_000).describe('Orders that one window takes'),
  baseFeeCents: z.int().min(0).max(100_000).default(599),
})

export const Hub = z.object({
  id: z.uuid(),
  name: z.string(),
  latitude: z.number(),
  longitude: z.number(),
  serviceRadiusMeters: z.int(),
  timeZone: z.string(),
  windowCapacity: z.int(),
  baseFeeCents: z.int(),
})

export type NewHub = z.infer<typeof NewHub>
export type Hub = z.infer<typeof Hub>
