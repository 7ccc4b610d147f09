import * as z from 'zod'
import { Moment } from '../schemas.ts'

const HOUR_MS = 3_600_000
const LONGEST_SHIFT_HOURS = 24

const NewBreak = z.strictObject({
  earliest: Moment,
  latest: Moment,
  durationSeconds: z
    .int()
    .min(60)
    .max(4 * 3_600),
})

export const NewShift = z
  .strictObject({
    driverId: z.uuid(),
    vehicleId: z.uuid(),
    hubId: z.uuid(),
    start: Moment,
    end: Moment,
    breaks: z.array(NewBreak).max(5).default([]),
  })
  .superRefine((shift, context) => {
    const start = Date.parse(shift.start)
    const end = Date.parse(shift.end)
    if (end <= start) {
      context.addIssue({ code: 'custom', path: ['end'], message: 'must be after start' })
    } else if (end - start > LONGEST_SHIFT_HOURS * HOUR_MS) {
      context.addIssue({ code: 'custom', path: ['end'], message: 'must be at most 24 hours after start' })
    }
    for (const [index, pause] of shift.breaks.entries()) {
      const earliest = Date.parse(pause.earliest)
      const latest = Date.parse(pause.latest)
      if (latest < earliest || earliest < start || latest + pause.durationSeconds * 1000 > end) {
        const message = 'must begin between earliest and latest and end within the shift'
        context.addIssue({ code: 'custom', path: ['breaks', index], message })
      }
    }
  })

const Break = z.object({ earliest: z.string(), latest: z.string(), durationSeconds: z.int() })

export const Shift = z.object({
  id: z.uuid(),
  driverId: z.uuid(),
  vehicleId: z.uuid(),
  hubId: z.uuid(),
  start: z.iso.datetime(),
  end: z.iso.datetime(),
  breaks: z.array(Break),
})

export type Shift = z.infer<typeof Shift>
