import * as z from 'zod'
import type { Stop } from '../dispatch/route.ts'

/** 100 KB as base64. */
const PHOTO_TEXT_MAX = Math.ceil((100 * 1024) / 3) * 4
const SIGNATURE_TEXT_MAX = 20_000

const base64 = (max: number) =>
  z.base64().min(1).max(max, `is larger than the ${max} characters that are taken; make it smaller`)

const Photo = z
  .strictObject({
    kind: z.literal('photo'),
    reference: z.string().trim().min(1).max(500).optional().describe('Where the photo is stored'),
    data: base64(PHOTO_TEXT_MAX).optional().describe('The photo itself as base64, at most 100 KB'),
  })
  .refine(({ reference, data }) => reference !== undefined || data !== undefined, 'needs a reference or data')

const Signature = z
  .strictObject({
    kind: z.literal('signature'),
    name: z.string().trim().min(1).max(120).optional().describe('Who signed'),
    data: base64(SIGNATURE_TEXT_MAX).optional().describe('The drawing as base64'),
  })
  .refine(({ name, data }) => name !== undefined || data !== undefined, 'needs a name or data')

const Code = z.strictObject({ kind: z.literal('code'), code: z.string().trim().min(1).max(32) })

export const Proof = z.discriminatedUnion('kind', [Photo, Signature, Code])
export const FailureReason = z.string().trim().min(1).max(200)

/** What a driver says of a stop. */
export type StopReport =
  | { type: 'arrive'; occurredAt: Date }
  | { type: 'deliver'; occurredAt: Date; proof: z.infer<typeof Proof> }
  | { type: 'fail'; occurredAt: Date; reason: string }

export const StopAnswer = z
  .object({
    id: z.uuid(),
    orderId: z.uuid(),
    status: z.enum(['arrived', 'delivered', 'failed']),
    arrivedAt: z.iso.datetime().nullable(),
    completedAt: z.iso.datetime().nullable(),
    proof: z.object({ kind: z.enum(['photo', 'signature', 'code']) }).optional(),
    reason: z.string().optional(),
  })
  .meta({ id: 'StopOutcome' })

export type StopAnswer = z.infer<typeof StopAnswer>

/**
 * What a report means for a stop: an outcome is final, so the first one counts, the same one again changes
 * nothing, and another one contradicts it. An arrival that becomes known after the outcome is only noted.
 */
export function judge(
  stop: Pick<Stop, 'status' | 'arrivedAt'>,
  report: Pick<StopReport, 'type'>,
): 'apply' | 'note_arrival' | 'repeat' | 'contradict' {
  const isDone = stop.status === 'delivered' || stop.status === 'failed'
  if (report.type === 'arrive') {
    if (stop.arrivedAt !== null) return 'repeat'
    return isDone ? 'note_arrival' : 'apply'
  }
  if (!isDone) return 'apply'
  const outcome = report.type === 'deliver' ? 'delivered' : 'failed'
  return stop.status === outcome ? 'repeat' : 'contradict'
}
