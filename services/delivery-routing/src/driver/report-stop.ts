import type { Db } from '@urbanbloom/service-kit/db'
import { conflict, ServiceError } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import type { Context } from '../context.ts'
import { recordChanges } from '../stream/record-changes.ts'
import { countOutcome } from './count-outcome.ts'
import { hasInlinePicture, keepInlinePicture, withoutInlinePicture } from './keep-inline-picture.ts'
import { lockStop, stopNotFound } from './lock-stop.ts'
import { recordReport } from './record-report.ts'
import type { Said } from './said.ts'
import { judge, type StopAnswer } from './stop-report.ts'

/**
 * Records what a driver says now of a stop on the route that they have started. The same outcome again gives the
 * first answer; another one is 409.
 */
export async function reportStop(
  ctx: Context,
  { driverId, stopId }: { driverId: string; stopId: string },
  given: Said,
): Promise<StopAnswer> {
  const said = await withKeptPicture(ctx, { driverId, stopId }, given)
  const result = await recordChanges(ctx, async (tx, changes) => {
    const locked = await lockStop(tx, driverId, stopId)
    if (locked instanceof ServiceError) {
      throw locked.code === 'route_not_started' ? locked : stopNotFound(stopId)
    }
    if (locked.heldUntil !== null) throw stopNotFound(stopId)
    const verdict = judge(locked.stop, said)
    if (verdict === 'contradict') {
      throw conflict('stop_outcome_conflict', `The stop was reported as ${locked.stop.status} already`, {
        extra: { outcome: locked.stop.status },
      })
    }
    const recording = { eventId: `online-${newId()}`, occurredAt: ctx.now(), clockSkewMs: 0, deviceId: null }
    const recorded =
      verdict === 'repeat'
        ? null
        : await recordReport(ctx, tx, changes, { locked, said, recording, driverId })
    if (recorded?.refusal) return { refused: recorded.refusal }
    return { recorded, stop: locked.stop, answer: await readAnswer(tx, stopId, said.type) }
  })
  // A refusal is committed first, because a wrong code counts.
  if (result.refused !== undefined) throw result.refused
  if (result.recorded?.outcomeIsNew) countOutcome(ctx, result.stop, result.recorded.report)
  return result.answer
}

/** A stop that is done gives its first answer, whatever picture comes with the second report. */
async function withKeptPicture(
  ctx: Context,
  target: { driverId: string; stopId: string },
  said: Said,
): Promise<Said> {
  if (!hasInlinePicture(said)) return said
  const [stop] = await ctx.db.query<{ is_done: boolean }>(
    `select status in ('delivered', 'failed') as is_done from stops where id = $1`,
    [target.stopId],
  )
  return stop?.is_done === true ? withoutInlinePicture(said) : keepInlinePicture(ctx, target, said)
}

type OutcomeRow = {
  order_id: string
  status: 'arrived' | 'delivered' | 'failed'
  arrived_at: Date | null
  completed_at: Date | null
  outcome: {
    proof?: { kind: 'photo' | 'signature' | 'code'; fileId?: string; verified?: boolean }
    leftAtDoor?: boolean
    undelivered?: NonNullable<StopAnswer['undelivered']>
    codeReason?: string
    reason?: string
    code?: NonNullable<StopAnswer['reasonCode']>
  } | null
}

/** The answer comes from what was recorded, and not from what was sent this time. */
async function readAnswer(tx: Db, stopId: string, type: Said['type']): Promise<StopAnswer> {
  const [row] = await tx.query<OutcomeRow>(
    `select order_id, status, case when arrived_at is not null then least(arrived_at, completed_at) end as arrived_at, completed_at, outcome
     from stops where id = $1`,
    [stopId],
  )
  if (row === undefined) throw new Error(`The stop ${stopId} is gone`)
  const arrival = { id: stopId, orderId: row.order_id, arrivedAt: row.arrived_at?.toISOString() ?? null }
  if (type === 'arrive') return { ...arrival, status: 'arrived', completedAt: null }
  const { proof, leftAtDoor, undelivered, codeReason, reason, code } = row.outcome ?? {}
  return {
    ...arrival,
    status: row.status,
    completedAt: row.completed_at?.toISOString() ?? null,
    ...(proof !== undefined && {
      proof: {
        kind: proof.kind,
        ...(proof.fileId !== undefined && { fileId: proof.fileId }),
        ...(proof.verified !== undefined && { verified: proof.verified }),
      },
    }),
    ...(leftAtDoor === true && { leftAtDoor }),
    ...(undelivered !== undefined && { undelivered }),
    ...(codeReason !== undefined && { codeReason }),
    ...(reason !== undefined && { reason }),
    ...(code !== undefined && { reasonCode: code }),
  }
}
