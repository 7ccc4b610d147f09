import * as z from 'zod'
import type { Stop } from '../dispatch/route.ts'
import type { FailureCode } from './failure-reason.ts'
import { failureCodes } from './failure-reason.ts'
import { type Proof, Undelivered } from './proof.ts'

/** When something happened, and how reports with the same outcome are put into one order, whatever order they come in. */
export type ReportKey = {
  /** By the clock of the phone that recorded it. */
  occurredAt: Date
  eventId: string
}

type Recorded = ReportKey & {
  /** By our clock, as well as it is known: not before the route was started and not after the report came. */
  at: Date
}

export type Arrival = Recorded & { type: 'arrive' }
export type Handover = Recorded & {
  type: 'deliver'
  proof: Proof
  leftAtDoor: boolean
  undelivered: Undelivered | null
  /** Why a code that was needed is not the proof. */
  codeReason: string | null
}
export type Failure = Recorded & { type: 'fail'; reason: string; code: FailureCode; note: string | null }

/** What a driver says of a stop. */
export type StopReport = Arrival | Handover | Failure

export const StopAnswer = z
  .object({
    id: z.uuid(),
    orderId: z.uuid(),
    status: z.enum(['arrived', 'delivered', 'failed']),
    arrivedAt: z.iso.datetime().nullable(),
    completedAt: z.iso.datetime().nullable(),
    proof: z
      .object({
        kind: z.enum(['photo', 'signature', 'code']),
        fileId: z.uuid().optional(),
        verified: z.boolean().optional().describe('Whether the code was the one that the customer was shown'),
      })
      .optional(),
    leftAtDoor: z.boolean().optional(),
    undelivered: Undelivered.optional(),
    codeReason: z.string().optional(),
    reason: z.string().optional(),
    reasonCode: z.enum(failureCodes).optional(),
  })
  .meta({ id: 'StopOutcome' })

export type StopAnswer = z.infer<typeof StopAnswer>

/**
 * What a report made just now means for a stop: an outcome is final, so the first one counts, the same one again
 * changes nothing, and another one contradicts it. An arrival that becomes known after the outcome is only noted.
 */
export function judge(
  stop: Pick<Stop, 'status' | 'arrivedAt'>,
  report: Pick<StopReport, 'type'>,
): 'apply' | 'repeat' | 'contradict' {
  const isDone = stop.status === 'delivered' || stop.status === 'failed'
  if (report.type === 'arrive') return stop.arrivedAt === null ? 'apply' : 'repeat'
  if (!isDone) return 'apply'
  const outcome = report.type === 'deliver' ? 'delivered' : 'failed'
  return stop.status === outcome ? 'repeat' : 'contradict'
}
