import { Event, type EventData, type EventType, subscribersOf } from '@urbanbloom/contracts/events'
import * as z from 'zod'
import type { Db } from './db.ts'
import { deleteInBatches } from './delete-batches.ts'
import { unprocessable } from './errors.ts'
import type { Peer } from './http-client.ts'
import { newId } from './ids.ts'
import type { Jobs, Task } from './jobs.ts'
import { currentContext } from './request-context.ts'
import type { App } from './server.ts'
import { startSpan } from './tracing.ts'

const DELIVER = 'deliver_event'
/** How long a handled event's id is kept: longer than its publisher keeps trying. */
const REMEMBERED_DAYS = 7

type Delivery = { to: string; event: Event; traceparent?: string }

/** Writes an event in the transaction that made it true: one job for each subscriber (transactional outbox). */
export async function publish<Type extends EventType>(
  tx: Db,
  jobs: Jobs,
  type: Type,
  data: EventData<Type>,
): Promise<void> {
  const event = { id: newId(), type, occurredAt: new Date().toISOString(), data }
  const span = startSpan(() => `publish ${type}`, 'producer')
  const traceparent = span?.traceparent ?? currentContext()?.traceparent
  for (const to of subscribersOf[type]) {
    await jobs.enqueue(tx, DELIVER, { to, event, traceparent })
  }
  span?.end()
}

/** The task that carries events to their subscribers; the publisher's queue retries it. */
export function deliverEvents(peers: Record<string, Peer>): Record<string, Task> {
  return {
    [DELIVER]: async ({ to, event }: Delivery) => {
      const peer = peers[to]
      if (peer === undefined) throw new Error(`No address is configured for the subscriber ${to}`)
      await peer.post('/internal/events', event, z.unknown())
    },
  }
}

type Handlers = { [Type in EventType]?: (tx: Db, data: EventData<Type>) => Promise<void> }

/**
 * Registers `POST /internal/events`. A handler runs in the transaction that records the event's id in
 * `processed_events`, so an event that comes twice is applied once.
 */
export function receiveEvents(app: App, db: Db, handlers: Handlers): void {
  app.post('/internal/events', { schema: { hide: true, body: Event } }, async (request, reply) => {
    const event = request.body
    const handle = handlers[event.type] as ((tx: Db, data: unknown) => Promise<void>) | undefined
    if (handle === undefined)
      throw unprocessable('event_not_subscribed', `Events ${event.type} are not handled here`)
    const isFresh = await db.transaction(async (tx) => {
      const fresh = await tx.query(
        'insert into processed_events (id) values ($1) on conflict do nothing returning id',
        [event.id],
      )
      if (fresh.length > 0) await handle(tx, event.data)
      return fresh.length > 0
    })
    if (isFresh) {
      const { id, type, data } = event
      app.log.info({ event: type, eventId: id, orderId: data.orderId }, 'event applied')
    }
    return reply.code(204).send()
  })
}

/** Forgets the ids of events that nobody repeats any more; for a recurring job. */
export async function forgetOldEvents(db: Db): Promise<void> {
  await deleteInBatches(
    db,
    `delete from processed_events where id in
       (select id from processed_events where processed_at < now() - make_interval(days => $2)
        limit $1 for update skip locked)
     returning 1`,
    [REMEMBERED_DAYS],
  )
}
