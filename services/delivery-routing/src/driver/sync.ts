import type { Db } from '@urbanbloom/service-kit/db'
import { ServiceError } from '@urbanbloom/service-kit/errors'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { Moment } from '../schemas.ts'
import { Positions, PositionsAnswer, recordPositions } from './positions.ts'
import { reportStop } from './report-stop.ts'
import { FailureReason, Proof, type StopReport } from './stop-report.ts'

/** Chosen by the phone; unique among what this driver sends. */
const ClientEventId = z.string().min(1).max(100)

const shared = { clientEventId: ClientEventId, stopId: z.uuid(), occurredAt: Moment }

const SyncEvent = z.discriminatedUnion('type', [
  z.strictObject({ ...shared, type: z.literal('arrive') }),
  z.strictObject({ ...shared, type: z.literal('deliver'), proof: Proof }),
  z.strictObject({ ...shared, type: z.literal('fail'), reason: FailureReason }),
])

export const Sync = z.strictObject({
  events: z.array(SyncEvent).max(200).default([]),
  positions: Positions.default([]),
})

const SyncResult = z.object({
  clientEventId: ClientEventId,
  status: z.enum(['applied', 'rejected']),
  code: z.string().optional(),
  detail: z.string().optional(),
})

export const SyncAnswer = z.object({
  results: z.array(SyncResult).describe('One for each event, in the order in which they were sent'),
  positions: PositionsAnswer,
})

type Result = z.infer<typeof SyncResult>
type Given = z.infer<typeof SyncEvent>

/**
 * Applies what a phone recorded without signal, in the order in which it happened. An event that comes again gets
 * its first result.
 */
export async function syncDriver(
  ctx: Context,
  driverId: string,
  { events, positions }: z.infer<typeof Sync>,
): Promise<z.infer<typeof SyncAnswer>> {
  const results = new Map<string, Result>()
  const inTime = events.toSorted((a, b) => Date.parse(a.occurredAt) - Date.parse(b.occurredAt))
  for (const event of inTime) {
    if (!results.has(event.clientEventId)) {
      results.set(event.clientEventId, await applyOnce(ctx, driverId, event))
    }
  }
  return {
    results: events.map(({ clientEventId }) => results.get(clientEventId)).filter((r) => r !== undefined),
    positions: await recordPositions(ctx, driverId, positions),
  }
}

async function applyOnce(ctx: Context, driverId: string, event: Given): Promise<Result> {
  const { clientEventId, stopId } = event
  const [known] = await ctx.db.query<{ result: Result }>(
    'select result from driver_events where driver_id = $1 and client_event_id = $2',
    [driverId, clientEventId],
  )
  if (known !== undefined) return known.result
  const applied: Result = { clientEventId, status: 'applied' }
  try {
    await reportStop(ctx, { driverId, stopId }, reportOf(event), (tx) =>
      recordEvent(tx, driverId, event, applied),
    )
    return applied
  } catch (err) {
    if (!(err instanceof ServiceError) || (err.kind !== 'conflict' && err.kind !== 'not_found')) throw err
    const rejected: Result = { clientEventId, status: 'rejected', code: err.code, detail: err.message }
    // A contradiction is final; a route that is not started yet may be when the event comes again.
    if (err.code === 'stop_outcome_conflict') await recordEvent(ctx.db, driverId, event, rejected)
    return rejected
  }
}

function reportOf(event: Given): StopReport {
  const occurredAt = new Date(event.occurredAt)
  switch (event.type) {
    case 'arrive':
      return { type: 'arrive', occurredAt }
    case 'deliver':
      return { type: 'deliver', occurredAt, proof: event.proof }
    case 'fail':
      return { type: 'fail', occurredAt, reason: event.reason }
  }
}

async function recordEvent(tx: Db, driverId: string, event: Given, result: Result): Promise<void> {
  await tx.query(
    `insert into driver_events (driver_id, client_event_id, stop_id, type, occurred_at, result)
     values ($1, $2, $3, $4, $5, $6::jsonb) on conflict (driver_id, client_event_id) do nothing`,
    [driverId, event.clientEventId, event.stopId, event.type, event.occurredAt, JSON.stringify(result)],
  )
}
