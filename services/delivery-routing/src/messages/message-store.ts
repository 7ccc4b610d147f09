import type { Db } from '@urbanbloom/service-kit/db'
import type { DeliveryStatus } from '../deliveries/delivery.ts'
import type { Message, MessageStatus } from './message.ts'

const columns = `m.id, m.order_id, d.customer_id, m.stop_id, m.kind, m.facts, m.status, m.tries, m.note, m.created_at,
  m.finished_at`

type MessageRow = {
  id: string
  order_id: string
  customer_id: string
  stop_id: string
  kind: Message['kind']
  facts: Message['facts']
  status: MessageStatus
  tries: number
  note: string | null
  created_at: Date
  finished_at: Date | null
}

function toMessage(row: MessageRow): Message {
  return {
    id: row.id,
    orderId: row.order_id,
    customerId: row.customer_id,
    stopId: row.stop_id,
    kind: row.kind,
    facts: row.facts,
    status: row.status,
    tries: row.tries,
    note: row.note,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
  }
}

export async function findMessage(db: Db, id: string): Promise<Message | null> {
  const [row] = await db.query<MessageRow>(
    `select ${columns} from messages m join deliveries d on d.order_id = m.order_id where m.id = $1`,
    [id],
  )
  return row === undefined ? null : toMessage(row)
}

/** Messages oldest first, after the id `after`. */
export async function listMessages(
  db: Db,
  { status, after, limit }: { status: MessageStatus | null; after: string | null; limit: number },
): Promise<Message[]> {
  const rows = await db.query<MessageRow>(
    `select ${columns} from messages m join deliveries d on d.order_id = m.order_id
     where ($1::text is null or m.status = $1) and ($2::uuid is null or m.id > $2) order by m.id limit $3`,
    [status, after, limit],
  )
  return rows.map(toMessage)
}

/** Takes a pending message for a while. @returns whether it is this process's to send. */
export async function leaseMessage(db: Db, id: string, leaseMs: number): Promise<boolean> {
  const rows = await db.query(
    `update messages set lease_until = now() + $2::integer * interval '1 millisecond', tries = tries + 1
     where id = $1 and status = 'pending' and (lease_until is null or lease_until < now()) returning id`,
    [id, leaseMs],
  )
  return rows.length > 0
}

/** Records how a message ended; `pending` keeps it for another try. */
export async function settleMessage(
  tx: Db,
  id: string,
  { status, note }: { status: MessageStatus; note: string | null },
): Promise<void> {
  await tx.query(
    `update messages set status = $2, note = $3, lease_until = null,
       finished_at = case when $2 <> 'pending' then now() end
     where id = $1 and status = 'pending'`,
    [id, status, note],
  )
}

/** Puts a message back that could not be sent. @returns whether it was one. */
export async function reviveMessage(tx: Db, id: string): Promise<boolean> {
  const rows = await tx.query(
    `update messages set status = 'pending', tries = 0, lease_until = null, finished_at = null
     where id = $1 and status = 'dead' returning id`,
    [id],
  )
  return rows.length > 0
}

/** Where the order and the stop of a message stand now. */
export async function findStanding(
  db: Db,
  { orderId, stopId }: Pick<Message, 'orderId' | 'stopId'>,
): Promise<{ delivery: DeliveryStatus; stop: string; stopsAhead: number } | null> {
  const [row] = await db.query<{ delivery: DeliveryStatus; stop: string; stops_ahead: number }>(
    `select d.status as delivery, s.status as stop,
            (select count(*) from stops o where o.route_id = s.route_id and o.position < s.position
               and o.status in ('pending', 'arrived')) as stops_ahead
     from deliveries d, stops s where d.order_id = $1 and s.id = $2`,
    [orderId, stopId],
  )
  return row === undefined ? null : { delivery: row.delivery, stop: row.stop, stopsAhead: row.stops_ahead }
}
