import type { Db } from '@urbanbloom/service-kit/db'
import { notFound } from '@urbanbloom/service-kit/errors'
import * as z from 'zod'
import { Undelivered } from '../driver/proof.ts'

/** A delivery as a dispatcher sees it; the id is that of the order. */
export const DeliveryView = z
  .object({
    id: z.uuid(),
    number: z.string().nullable(),
    hubId: z.uuid(),
    status: z.enum([
      'held',
      'confirmed',
      'planned',
      'loaded',
      'arrived',
      'delivered',
      'failed',
      'returning',
      'returned',
      'released',
    ]),
    window: z.object({ start: z.iso.datetime(), end: z.iso.datetime() }),
    parcels: z.int(),
    heldBackReason: z.string().nullable(),
    failureReason: z.string().nullable(),
    failedTries: z.int(),
    readyAt: z.iso
      .datetime()
      .nullable()
      .describe('When its parcels are back at the hub; null: they have not left'),
    handover: z
      .object({
        proof: z.enum(['photo', 'signature', 'code']),
        verified: z
          .boolean()
          .nullable()
          .describe('Whether the code was the right one; null: no code was sent'),
        codeReason: z.string().nullable().describe('Why there was no code where one was needed'),
        leftAtDoor: z.boolean(),
        undelivered: Undelivered.nullable().describe('What the driver kept'),
        restReturnedAt: z.iso.datetime().nullable().describe('When that was at the hub again'),
      })
      .nullable()
      .describe('How it was handed over'),
    decision: z
      .object({
        action: z.enum(['retry_today', 'retry_window', 'return']),
        decidedBy: z.uuid().nullable().describe('Null: the rule'),
        reason: z.string(),
        decidedAt: z.iso.datetime(),
      })
      .nullable()
      .describe('The newest one'),
  })
  .meta({ id: 'DispatchDelivery' })

export type DeliveryView = z.infer<typeof DeliveryView>

type Row = Omit<DeliveryView, 'window' | 'readyAt' | 'decision'> & {
  starts_at: Date
  ends_at: Date
  ready_at: Date | null
  decision: DeliveryView['decision']
}

const columns = `d.order_id as id, d.number, w.hub_id as "hubId", d.status, w.starts_at, w.ends_at, d.parcels,
  d.held_back_reason as "heldBackReason", d.failure_reason as "failureReason", d.ready_at,
  (select count(*)::int from stops s where s.order_id = d.order_id and s.status = 'failed') as "failedTries",
  (select json_build_object('action', f.action, 'decidedBy', f.decided_by, 'reason', f.reason,
     'decidedAt', to_char(f.decided_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
   from failure_decisions f where f.order_id = d.order_id order by f.decided_at desc, f.id desc limit 1) as decision,
  (select json_build_object('proof', s.outcome->'proof'->'kind', 'verified', s.outcome->'proof'->'verified',
     'codeReason', s.outcome->'codeReason', 'leftAtDoor', coalesce((s.outcome->>'leftAtDoor')::boolean, false),
     'undelivered', s.outcome->'undelivered',
     'restReturnedAt', to_char(d.rest_returned_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
   from stops s where s.order_id = d.order_id and s.status = 'delivered' and s.outcome is not null) as handover`

/** @throws 404 `delivery_not_found`, also where the order only ever left a tombstone. */
export async function findDelivery(db: Db, orderId: string): Promise<DeliveryView> {
  const [row] = await db.query<Row>(
    `select ${columns} from deliveries d join delivery_windows w on w.id = d.window_id where d.order_id = $1`,
    [orderId],
  )
  if (row === undefined) throw notFound('delivery_not_found', `There is no delivery of the order ${orderId}`)
  return toView(row)
}

/** By order, oldest first. */
export async function listDeliveries(
  db: Db,
  page: { hubId: string; state: string; after: string | null; limit: number },
): Promise<DeliveryView[]> {
  const rows = await db.query<Row>(
    `select ${columns} from deliveries d join delivery_windows w on w.id = d.window_id
     where w.hub_id = $1 and ($3::uuid is null or d.order_id > $3::uuid) and case $2::text
       when 'held_back' then d.held_back_reason is not null and d.status = 'confirmed'
       when 'in_part' then d.status = 'delivered' and d.rest_returned_at is null and exists (
         select from stops s where s.order_id = d.order_id and s.status = 'delivered' and s.outcome ? 'undelivered')
       when 'unplanned' then d.held_back_reason is null and d.status = 'confirmed'
       else d.status = $2 end
     order by d.order_id limit $4`,
    [page.hubId, page.state, page.after, page.limit],
  )
  return rows.map(toView)
}

function toView({ starts_at, ends_at, ready_at, ...row }: Row): DeliveryView {
  return {
    ...row,
    window: { start: starts_at.toISOString(), end: ends_at.toISOString() },
    readyAt: ready_at?.toISOString() ?? null,
  }
}
