import * as z from 'zod'
import { Latitude, Longitude, Moment } from '../schemas.ts'

/** A position as a phone sends it. */
export const DriverPosition = z.strictObject({
  recordedAt: Moment,
  latitude: Latitude,
  longitude: Longitude,
  accuracyMeters: z.number().min(0).max(100_000),
  speedMps: z.number().min(0).max(1_000).optional(),
  headingDegrees: z.number().min(0).max(360).optional(),
})

export const Positions = z.array(DriverPosition).max(500)

/** A position as it is worked with. */
export type Fix = {
  /** Milliseconds since 1970, by the phone's clock. */
  at: number
  latitude: number
  longitude: number
  accuracyMeters: number
  speedMps: number | null
  headingDegrees: number | null
}

export function toFix(position: z.infer<typeof DriverPosition>): Fix {
  const { recordedAt, latitude, longitude, accuracyMeters, speedMps, headingDegrees } = position
  return {
    at: Date.parse(recordedAt),
    latitude,
    longitude,
    accuracyMeters,
    speedMps: speedMps ?? null,
    headingDegrees: headingDegrees ?? null,
  }
}
