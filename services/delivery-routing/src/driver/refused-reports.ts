import type { Db } from '@urbanbloom/service-kit/db'
import * as z from 'zod'

export const RefusedReport = z
  .object({
    id: z.uuid(),
    driverId: z.uuid(),
    hubId: z.uuid(),
    stopId: z.uuid(),
    orderId: z.uuid(),
    orderNumber: z.string().nullable(),
    type: z.enum(['arrive', 'deliver', 'fail']),
    occurredAt: z.iso.datetime().describe('By the clock of the phone'),
    receivedAt: z.iso.datetime(),
    code: z.string().describe('Why, as the phone was answered'),
    detail: z.string(),
    proof: z.enum(['photo', 'signature', 'code']).nullable(),
    reason: z.string().nullable().describe('Of a failed try'),
  })
  .meta({ id: 'RefusedReport' })

type Row = Omit<z.infer<typeof RefusedReport>, 'occurredAt' | 'receivedAt'> & {
  occurred_at: Date
  received_at: Date
}

/** Newest first, before the id `before`; of one hub where it is named. */
export async function listRefusedReports(
  db: Db,
  { hubId, before, limit }: { hubId: string | null; before: string | null; limit: number },
): Promise<z.infer<typeof RefusedReport>[]> {
  const rows = await db.query<Row>(
    `select e.id, e.driver_id as "driverId", r.hub_id as "hubId", e.stop_id as "stopId", s.order_id as "orderId",
            d.number as "orderNumber", e.type, e.occurred_at, e.received_at, e.result->>'code' as code,
            e.result->>'detail' as detail, e.payload->'proof'->>'kind' as proof, e.payload->>'reason' as reason
     from driver_events e
     join stops s on s.id = e.stop_id join routes r on r.id = s.route_id join deliveries d on d.order_id = s.order_id
     where e.result->>'status' = 'rejected' and ($1::uuid is null or r.hub_id = $1)
       and ($2::uuid is null or e.id < $2::uuid)
     order by e.id desc limit $3`,
    [hubId, before, limit],
  )
  return rows.map(({ occurred_at, received_at, ...row }) => ({
    ...row,
    occurredAt: occurred_at.toISOString(),
    receivedAt: received_at.toISOString(),
  }))
}
