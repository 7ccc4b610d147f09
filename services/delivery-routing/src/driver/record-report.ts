import type { Db } from '@urbanbloom/service-kit/db'
import { conflict, type ServiceError, unprocessable } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import type { Context } from '../context.ts'
import { checkCode } from '../proofs/delivery-code.ts'
import { codeAskedBy, findHandoverPreferences, mayLeaveAtDoor } from '../proofs/handover-preferences.ts'
import { isProofFileOf } from '../proofs/proof-file-store.ts'
import type { Changes } from '../stream/record-changes.ts'
import { applyReport } from './apply-report.ts'
import { withoutInlinePicture } from './keep-inline-picture.ts'
import { type LockedStop, refuseTooLate } from './lock-stop.ts'
import { mergeReport } from './merge-report.ts'
import { reinstateStop } from './reinstate-stop.ts'
import { type Recording, reportOf, type Said } from './said.ts'
import type { Handover, StopReport } from './stop-report.ts'

/** What came of a report: refused for a reason that is kept, or merged, and whether it changed the outcome. */
export type Recorded = { refusal: ServiceError | null; report: StopReport; outcomeIsNew: boolean }

/**
 * Merges a report into its stop and keeps it as it came. One that is refused is kept, too, with the reason, so that a
 * wrong code counts and ops sees what a phone has said; so this never throws a refusal.
 */
export async function recordReport(
  ctx: Context,
  tx: Db,
  changes: Changes,
  {
    locked,
    said,
    recording,
    driverId,
  }: { locked: LockedStop; said: Said; recording: Recording; driverId: string },
): Promise<Recorded> {
  const report = reportOf(said, recording, { route: locked.route, now: ctx.now() })
  const merge = mergeReport(locked.state, report)
  let refusal = refuseTooLate(locked, report)
  let verified: boolean | null = null
  if (report.type === 'deliver' && refusal === null) {
    const checked = await checkHandover(ctx, tx, locked, report)
    refusal = checked.refusal ?? (merge.outcomeIsNew ? await refuseDecided(tx, locked) : null)
    verified = checked.verified
    if (locked.isUnloaded) refusal ??= await reinstateStop(ctx, tx, changes, locked)
  }
  await keepReport(tx, { driverId, stopId: locked.stop.id, said, recording, refusal })
  if (refusal !== null) return { refusal, report, outcomeIsNew: false }
  await applyReport(ctx, tx, changes, { ...locked, report, merge, verified })
  return { refusal: null, report, outcomeIsNew: merge.outcomeIsNew }
}

type Checked = { refusal: ServiceError | null; verified: boolean | null }

/** Whether what the driver says of a handover agrees with what the customer asked for, and with what we have. */
async function checkHandover(ctx: Context, tx: Db, { stop }: LockedStop, report: Handover): Promise<Checked> {
  const { proof, leftAtDoor, undelivered } = report
  const refuse = (refusal: ServiceError): Checked => ({ refusal, verified: null })
  if (undelivered !== null && undelivered.parcels >= stop.parcels) {
    return refuse(
      unprocessable(
        'nothing_delivered',
        `The stop has ${stop.parcels} parcels; where none is handed over, it failed`,
      ),
    )
  }
  if (
    proof.kind !== 'code' &&
    proof.fileId !== undefined &&
    !(await isProofFileOf(tx, proof.fileId, stop.id))
  ) {
    return refuse(
      unprocessable('proof_file_unknown', `The stop has no file ${proof.fileId}; upload it first`),
    )
  }
  const preferences = await findHandoverPreferences(tx, stop.orderId)
  if (leftAtDoor && !mayLeaveAtDoor(preferences, report.at)) {
    return refuse(
      conflict('leave_at_door_not_allowed', 'The customer has not allowed to leave it at the door'),
    )
  }
  return checkProofOfCode(
    tx,
    stop.orderId,
    report,
    codeAskedBy(preferences, ctx.config.codeFromCents, report.at),
  )
}

async function checkProofOfCode(
  tx: Db,
  orderId: string,
  { proof, leftAtDoor, codeReason }: Handover,
  askedBy: ReturnType<typeof codeAskedBy>,
): Promise<Checked> {
  const accept = (verified: boolean | null): Checked => ({ refusal: null, verified })
  const refuse = (refusal: ServiceError): Checked => ({ refusal, verified: null })
  if (proof.kind !== 'code') {
    if (askedBy === null || leftAtDoor || (askedBy === 'value' && codeReason !== null)) return accept(null)
    const detail =
      askedBy === 'customer'
        ? 'The customer wants to hand out the code: send it as the proof'
        : 'The order is worth so much that it is handed over for the code: send it as the proof, or a codeReason'
    return refuse(conflict('code_required', detail))
  }
  const outcome = await checkCode(tx, orderId, { code: proof.code, counts: askedBy !== null })
  if (outcome === 'right') return accept(true)
  if (askedBy === null) return accept(false)
  return refuse(
    outcome === 'locked'
      ? conflict('code_locked', 'Too many wrong codes: the customer can ask for a new one')
      : unprocessable('code_wrong', 'This is not the code that the customer was shown'),
  )
}

/** After a failed try somebody may have decided what comes next; then it is too late to say that it was delivered. */
async function refuseDecided(tx: Db, { stop }: LockedStop): Promise<ServiceError | null> {
  if (stop.status !== 'failed') return null
  const [delivery] = await tx.query<{ is_open: boolean }>(
    `select status = 'failed' and not exists (
       select from stops where order_id = $1 and status in ('pending', 'arrived', 'delivered')
     ) as is_open
     from deliveries where order_id = $1 for update`,
    [stop.orderId],
  )
  if (delivery?.is_open) return null
  return conflict(
    'stop_outcome_conflict',
    'The stop was reported as failed, and something else was decided since',
    {
      extra: { outcome: 'failed' },
    },
  )
}

/**
 * Keeps what a phone said as it came, with what came of it. The same event again only changes the latter; one that was
 * refused may come corrected under the same id.
 */
export async function keepReport(
  tx: Db,
  kept: { driverId: string; stopId: string; said: Said; recording: Recording; refusal: ServiceError | null },
): Promise<void> {
  const { driverId, stopId, said, recording, refusal } = kept
  const result =
    refusal === null
      ? { clientEventId: recording.eventId, status: 'applied' }
      : { clientEventId: recording.eventId, status: 'rejected', code: refusal.code, detail: refusal.message }
  await tx.query(
    `insert into driver_events as known
       (id, driver_id, client_event_id, stop_id, type, occurred_at, received_at, result, payload, device_id, clock_skew_ms)
     values ($10, $1, $2, $3, $4, $5, now(), $6::jsonb, $7::jsonb, $8, $9)
     on conflict (driver_id, client_event_id) do update
       set result = excluded.result, payload = excluded.payload, occurred_at = excluded.occurred_at,
           clock_skew_ms = excluded.clock_skew_ms
       where known.result->>'status' <> 'applied' and known.stop_id = excluded.stop_id and known.type = excluded.type`,
    [
      driverId,
      recording.eventId,
      stopId,
      said.type,
      recording.occurredAt,
      JSON.stringify(result),
      JSON.stringify(payloadOf(said)),
      recording.deviceId,
      recording.clockSkewMs,
      newId(),
    ],
  )
}

/** What is kept of a report beside its type. Its picture lies with the files. */
export function payloadOf(said: Said): object {
  const { type: _type, ...payload } = withoutInlinePicture(said)
  return payload
}
