import type { Route } from '../dispatch/route.ts'
import { momentOf, type PhoneTime } from './clock.ts'
import { type FailureCode, failureCodeOf } from './failure-reason.ts'
import type { Proof, Undelivered } from './proof.ts'
import type { StopReport } from './stop-report.ts'

/** What a driver says of a stop, before it is known when that was by our clock. */
export type Said =
  | { type: 'arrive' }
  | {
      type: 'deliver'
      proof: Proof
      leftAtDoor?: boolean | undefined
      undelivered?: Undelivered | undefined
      codeReason?: string | undefined
    }
  | { type: 'fail'; reason: string; note?: string | undefined }

/** Which report it is, and when and where it was recorded. */
export type Recording = PhoneTime & { eventId: string; deviceId: string | null }

export function reportOf(said: Said, recording: Recording, bounds: { route: Route; now: Date }): StopReport {
  const { eventId, occurredAt } = recording
  const at = momentOf(recording, { earliest: bounds.route.startedAt, latest: bounds.now })
  const key = { eventId, occurredAt, at }
  switch (said.type) {
    case 'arrive':
      return { ...key, type: 'arrive' }
    case 'deliver': {
      const { proof, leftAtDoor = false, undelivered = null, codeReason = null } = said
      return { ...key, type: 'deliver', proof, leftAtDoor, undelivered, codeReason }
    }
    case 'fail': {
      const code: FailureCode = failureCodeOf(said.reason)
      return { ...key, type: 'fail', reason: said.reason, code, note: said.note ?? null }
    }
  }
}
