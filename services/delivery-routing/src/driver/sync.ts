import { conflict, ServiceError } from '@urbanbloom/service-kit/errors'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { Positions } from '../positions/fix.ts'
import { PositionsAnswer, recordPositions } from '../positions/positions.ts'
import { Moment } from '../schemas.ts'
import { recordChanges } from '../stream/record-changes.ts'
import { clockSkewMs, leastSkewMs } from './clock.ts'
import { countOutcome } from './count-outcome.ts'
import { FailureNote, FailureReason } from './failure-reason.ts'
import { hasInlinePicture, keepInlinePicture, withoutInlinePicture } from './keep-inline-picture.ts'
import { lockStop } from './lock-stop.ts'
import { Handover } from './proof.ts'
import { keepReport, payloadOf, recordReport } from './record-report.ts'
import type { Recording, Said } from './said.ts'

/** Ids are joined by a control character, so they hold none. Written so that a reader of OpenAPI understands it, too. */
const PhoneId = z
  .string()
  .min(1)
  .max(100)
  .regex(/^[ -~\u00a0-\uffff]+$/, 'has a control character')
const ClientEventId = PhoneId.describe(
  'Chosen by the phone; unique among what this driver sends from this device',
)
/** What may come with the reports of one batch; a phone sends the rest with the next one, or before. */
const INLINE_PICTURES_MAX = 20

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
  deviceId: PhoneId.optional(),
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

type Batch = { driverId: string; sentAt: Date | null; deviceId: string | null; pictures: number }

/**
 * Takes what a phone recorded without signal. The state that follows is a function of the set of all events, whatever
 * the order, the number of times and the phone they come from, and so is each result: it is read from that state
 * after the batch. (The limits on wrong codes and on pictures are the exception, because they are there to stop
 * guessing and filling.)
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
    pictures: 0,
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
  const recording = recordingOf(event, batch, ctx.now())
  const known = await compareWithKnown(ctx, batch, event, recording)
  if (known === 'another') {
    return conflict('client_event_id_reused', 'Another event has this clientEventId already')
  }
  if (known === 'applied') return null
  const { said, refusal: pictureRefusal } = await takePicture(ctx, batch, event)
  const outcome = await recordChanges(ctx, async (tx, changes) => {
    const locked = await lockStop(tx, driverId, event.stopId)
    const refusal = locked instanceof ServiceError ? locked : pictureRefusal
    if (refusal !== null || locked instanceof ServiceError) {
      // What was said of a stop that has gone meanwhile may still matter to somebody.
      const isKept = !(locked instanceof ServiceError) || goneCodes.includes(locked.code)
      if (isKept) await keepReport(tx, { driverId, stopId: event.stopId, said, recording, refusal })
      return { refusal }
    }
    const recorded = await recordReport(ctx, tx, changes, { locked, said, recording, driverId })
    return { ...recorded, stop: locked.stop }
  })
  if ('stop' in outcome && outcome.outcomeIsNew) countOutcome(ctx, outcome.stop, outcome.report)
  return outcome.refusal
}

/** What was said, its picture kept; or without it, and why it is not. Where the store does not answer, nobody knows. */
async function takePicture(
  ctx: Context,
  batch: Batch,
  event: Given,
): Promise<{ said: Said; refusal: ServiceError | null }> {
  const said = saidOf(event)
  if (!hasInlinePicture(said)) return { said, refusal: null }
  const refuse = (refusal: ServiceError) => ({ said: withoutInlinePicture(said), refusal })
  batch.pictures += 1
  if (batch.pictures > INLINE_PICTURES_MAX) {
    const detail = `At most ${INLINE_PICTURES_MAX} pictures go with a batch; send the others with the next one`
    return refuse(conflict('too_many_pictures', detail))
  }
  try {
    const target = { driverId: batch.driverId, stopId: event.stopId }
    return { said: await keepInlinePicture(ctx, target, said), refusal: null }
  } catch (err) {
    if (!(err instanceof ServiceError) || err.status >= 500) throw err
    return refuse(err)
  }
}

/**
 * Whether an event of the same id is merged already, or is another one. One that was refused may come corrected. A
 * picture that comes with the event again is not looked at again.
 */
async function compareWithKnown(
  ctx: Context,
  { driverId }: Batch,
  event: Given,
  { eventId, occurredAt }: Recording,
): Promise<'new' | 'applied' | 'another'> {
  const said = saidOf(event)
  const [known] = await ctx.db.query<{ is_other: boolean; is_applied: boolean; is_same: boolean }>(
    `select stop_id <> $3 or type <> $4 as is_other, result->>'status' = 'applied' as is_applied,
            case when $7 then payload #- '{proof,fileId}' else payload end = $5::jsonb and occurred_at = $6 as is_same
     from driver_events where driver_id = $1 and client_event_id = $2`,
    [
      driverId,
      eventId,
      event.stopId,
      event.type,
      JSON.stringify(payloadOf(said)),
      occurredAt,
      hasInlinePicture(said),
    ],
  )
  if (known === undefined) return 'new'
  if (known.is_other) return 'another'
  if (!known.is_applied) return 'new'
  return known.is_same ? 'applied' : 'another'
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
  const eventId = deviceId === null ? event.clientEventId : `${deviceId}\u001f${event.clientEventId}`
  return { eventId, occurredAt, deviceId, clockSkewMs: skew }
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
