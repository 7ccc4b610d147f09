import { ServiceError } from '@urbanbloom/service-kit/errors'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { Positions } from '../positions/fix.ts'
import { PositionsAnswer, recordPositions } from '../positions/positions.ts'
import { Moment } from '../schemas.ts'
import { recordChanges } from '../stream/record-changes.ts'
import { clockSkewMs, leastSkewMs } from './clock.ts'
import { countOutcome } from './count-outcome.ts'
import { FailureNote, FailureReason } from './failure-reason.ts'
import { lockStop } from './lock-stop.ts'
import { Handover } from './proof.ts'
import { keepReport, recordReport } from './record-report.ts'
import type { Recording, Said } from './said.ts'

/** Chosen by the phone; unique among what this driver sends. */
const ClientEventId = z.string().min(1).max(100)

const shared = { clientEventId: ClientEventId, stopId: z.uuid(), occurredAt: Moment }

export const SentAt = Moment.optional().describe(
  'The phone’s clock as it sends; with it, a clock that is wrong is corrected',
)

const SyncEvent = z.discriminatedUnion('type', [
  z.strictObject({ ...shared, type: z.literal('arrive') }),
  z.strictObject({ ...shared, type: z.literal('deliver'), ...Handover }),
  z.strictObject({ ...shared, type: z.literal('fail'), reason: FailureReason, note: FailureNote.optional() }),
])

export const Sync = z.strictObject({
  events: z.array(SyncEvent).max(200).default([]),
  positions: Positions.default([]),
  sentAt: SentAt,
  deviceId: z.string().min(1).max(100).optional(),
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
const goneCodes: readonly string[] = ['stop_removed', 'stop_reassigned']

type Batch = { driverId: string; sentAt: Date | null; deviceId: string | null }

/**
 * Takes what a phone recorded without signal. The state that follows is a function of the set of all events, whatever
 * the order, the number of times and the phone they come from, and so is each result: it is read from that state
 * after the batch. (The limit on wrong codes is the exception, because it is there to stop guessing.)
 */
export async function syncDriver(
  ctx: Context,
  driverId: string,
  { events, positions, sentAt, deviceId }: z.infer<typeof Sync>,
): Promise<z.infer<typeof SyncAnswer>> {
  const batch = {
    driverId,
    sentAt: sentAt === undefined ? null : new Date(sentAt),
    deviceId: deviceId ?? null,
  }
  const refusals = new Map<Given, ServiceError>()
  // The order does not matter for the state; in this one, the fewest changes are told.
  for (const event of events.toSorted((a, b) => Date.parse(a.occurredAt) - Date.parse(b.occurredAt))) {
    const refusal = await takeEvent(ctx, batch, event)
    if (refusal !== null) refusals.set(event, refusal)
  }
  const statuses = await statusesOf(ctx, events)
  return {
    results: events.map((event) => resultOf(event, refusals.get(event), statuses)),
    positions: await recordPositions(ctx, driverId, positions, batch.sentAt),
  }
}

/** Null where the event is, or was before, merged into its stop. */
async function takeEvent(ctx: Context, batch: Batch, event: Given): Promise<ServiceError | null> {
  const { driverId } = batch
  const [known] = await ctx.db.query<{ stop_id: string; type: string; status: string }>(
    `select stop_id, type, result->>'status' as status from driver_events
     where driver_id = $1 and client_event_id = $2`,
    [driverId, event.clientEventId],
  )
  if (known !== undefined && (known.stop_id !== event.stopId || known.type !== event.type)) {
    return new ServiceError(
      'conflict',
      'client_event_id_reused',
      'Another event has this clientEventId already',
    )
  }
  if (known?.status === 'applied') return null
  const said = saidOf(event)
  const recording = recordingOf(event, batch, ctx.now())
  const outcome = await recordChanges(ctx, async (tx, changes) => {
    const locked = await lockStop(tx, driverId, event.stopId)
    if (locked instanceof ServiceError) {
      // What was said of a stop that has gone meanwhile may still matter to somebody.
      if (goneCodes.includes(locked.code)) {
        await keepReport(tx, { driverId, stopId: event.stopId, said, recording, refusal: locked })
      }
      return { refusal: locked }
    }
    const recorded = await recordReport(ctx, tx, changes, { locked, said, recording, driverId })
    return { ...recorded, stop: locked.stop }
  })
  if ('stop' in outcome && outcome.outcomeIsNew) countOutcome(ctx, outcome.stop, outcome.report)
  return outcome.refusal
}

function saidOf(event: Given): Said {
  switch (event.type) {
    case 'arrive':
      return { type: 'arrive' }
    case 'deliver': {
      const { proof, leftAtDoor, undelivered, codeReason } = event
      return { type: 'deliver', proof, leftAtDoor, undelivered, codeReason }
    }
    case 'fail':
      return { type: 'fail', reason: event.reason, note: event.note }
  }
}

function recordingOf(event: Given, { sentAt, deviceId }: Batch, now: Date): Recording {
  const occurredAt = new Date(event.occurredAt)
  const skew = clockSkewMs(sentAt, now) ?? leastSkewMs(occurredAt, now)
  return { eventId: event.clientEventId, occurredAt, deviceId, clockSkewMs: skew }
}

async function statusesOf(ctx: Context, events: readonly Given[]): Promise<Map<string, string>> {
  const rows = await ctx.db.query<{ id: string; status: string }>(
    'select id, status from stops where id = any($1::uuid[])',
    [events.map(({ stopId }) => stopId)],
  )
  return new Map(rows.map(({ id, status }) => [id, status]))
}

function resultOf(
  { clientEventId, type, stopId }: Given,
  refusal: ServiceError | undefined,
  statuses: ReadonlyMap<string, string>,
): Result {
  if (refusal !== undefined) {
    return { clientEventId, status: 'rejected', code: refusal.code, detail: refusal.message }
  }
  if (type === 'fail' && statuses.get(stopId) === 'delivered') {
    const detail = 'The stop was delivered, which outdoes a failed try'
    return { clientEventId, status: 'rejected', code: 'stop_outcome_conflict', detail }
  }
  return { clientEventId, status: 'applied' }
}
