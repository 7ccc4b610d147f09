import type { Db } from '@urbanbloom/service-kit/db'
import type { Context } from '../context.ts'
import { recordDueMessages } from '../messages/record-due-messages.ts'
import { appendRouteEvents, type NewRouteEvent, type Stream } from './route-events.ts'

/** What a transaction changed for those who watch; written at its end and announced after its commit. */
export type Changes = {
  add(event: NewRouteEvent): void
  toDriver(driverId: string, type: string, data: object): void
  toCustomer(orderId: string, type: string): void
}

/**
 * Runs `work` in a transaction, writes the messages that are due to the customers concerned, appends the events that it
 * recorded as its last statement, and announces them once they are committed.
 */
export async function recordChanges<T>(
  ctx: Context,
  work: (tx: Db, changes: Changes) => Promise<T>,
): Promise<T> {
  let streams: Stream[] = []
  const result = await ctx.db.transaction(async (tx) => {
    const events: NewRouteEvent[] = []
    const add = (event: NewRouteEvent) => void events.push(event)
    const outcome = await work(tx, {
      add,
      toDriver: (driverId, type, data) => add({ stream: `driver:${driverId}`, type, data }),
      toCustomer: (orderId, type) => add({ stream: `order:${orderId}`, type, data: {} }),
    })
    const told = new Set(
      events.flatMap(({ stream }) => (stream.startsWith('order:') ? [stream.slice(6)] : [])),
    )
    await recordToldEtas(tx, [...told])
    await recordDueMessages(ctx, tx, [...told])
    await appendRouteEvents(tx, events)
    streams = events.map(({ stream }) => stream)
    return outcome
  })
  ctx.feed.announce(streams)
  return result
}

/** A customer who is told anything reads the whole state, so this is the arrival that they know from then on. */
async function recordToldEtas(tx: Db, orderIds: readonly string[]): Promise<void> {
  if (orderIds.length === 0) return
  await tx.query(
    `update stops set told_eta = eta
     where order_id = any($1::uuid[]) and status in ('pending', 'arrived') and told_eta is distinct from eta`,
    [orderIds],
  )
}
