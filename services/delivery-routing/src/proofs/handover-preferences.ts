import type { Db } from '@urbanbloom/service-kit/db'
import { conflict, invalid, notFound } from '@urbanbloom/service-kit/errors'
import * as z from 'zod'
import type { Context } from '../context.ts'
import type { DeliveryStatus } from '../deliveries/delivery.ts'
import { type Changes, recordChanges } from '../stream/record-changes.ts'
import { findDeliveryCode, issueDeliveryCodes, renewDeliveryCode } from './delivery-code.ts'

export type HandoverPreferences = {
  doorAllowedAt: Date | null
  doorRevokedAt: Date | null
  requiresCode: boolean
  /** Since when; null where that was not kept. */
  requiresCodeAt: Date | null
  valueCents: number
}

export const HandoverChange = z.strictObject({
  leaveAtDoor: z.boolean().optional().describe('Whether the driver may leave it at the door'),
  requireCode: z.boolean().optional().describe('Hand it over only to somebody who has the code'),
  renewCode: z.literal(true).optional().describe('Make another code; the one before no longer counts'),
})

export const Handover = z
  .object({
    orderId: z.uuid(),
    leaveAtDoor: z.boolean(),
    requireCode: z.boolean(),
    codeExpected: z
      .boolean()
      .describe('The driver asks for the code: you want it so, or what you ordered is worth a lot'),
    code: z.string().nullable().describe('To show to the driver; null until the van is loaded'),
  })
  .meta({ id: 'Handover' })

const none: HandoverPreferences = {
  doorAllowedAt: null,
  doorRevokedAt: null,
  requiresCode: false,
  requiresCodeAt: null,
  valueCents: 0,
}
const changeableStatuses: readonly DeliveryStatus[] = [
  'held',
  'confirmed',
  'planned',
  'loaded',
  'arrived',
  'failed',
]

/**
 * Who asks for the code at that moment: the customer, and then nothing else is taken; or we, because of what the plants
 * are worth, and then a driver may go without it for a reason that is kept. What was handed over before the customer
 * asked for the code needed none, however much later that is reported.
 */
export function codeAskedBy(
  { requiresCode, requiresCodeAt, valueCents }: HandoverPreferences,
  codeFromCents: number | null,
  at: Date,
): 'customer' | 'value' | null {
  if (requiresCode && (requiresCodeAt === null || at >= requiresCodeAt)) return 'customer'
  return codeFromCents !== null && valueCents >= codeFromCents ? 'value' : null
}

/** Whether it was allowed at that moment, however much later that is reported. */
export function mayLeaveAtDoor({ doorAllowedAt, doorRevokedAt }: HandoverPreferences, at: Date): boolean {
  return doorAllowedAt !== null && (doorRevokedAt === null || at < doorRevokedAt)
}

export async function findHandoverPreferences(db: Db, orderId: string): Promise<HandoverPreferences> {
  return (await listHandoverPreferences(db, [orderId])).get(orderId) ?? none
}

/** Those of the deliveries that are known. */
export async function listHandoverPreferences(
  db: Db,
  orderIds: readonly string[],
): Promise<Map<string, HandoverPreferences>> {
  const rows = await db.query<{
    order_id: string
    door_allowed_at: Date | null
    door_revoked_at: Date | null
    requires_code: boolean
    requires_code_at: Date | null
    value_cents: number
  }>(
    `select d.order_id, p.door_allowed_at, p.door_revoked_at, coalesce(p.requires_code, false) as requires_code,
            p.requires_code_at, d.value_cents
     from deliveries d left join handover_preferences p on p.order_id = d.order_id
     where d.order_id = any($1::uuid[])`,
    [orderIds],
  )
  return new Map(
    rows.map((row) => [
      row.order_id,
      {
        doorAllowedAt: row.door_allowed_at,
        doorRevokedAt: row.door_revoked_at,
        requiresCode: row.requires_code,
        requiresCodeAt: row.requires_code_at,
        valueCents: row.value_cents,
      },
    ]),
  )
}

/** 404 for the order of another customer. */
export async function readHandover(
  ctx: Context,
  customerId: string,
  orderId: string,
): Promise<z.infer<typeof Handover>> {
  const { status } = await findOwnDelivery(ctx.db, { customerId, orderId })
  return viewHandover(ctx, ctx.db, { orderId, status })
}

/** Changes what is given and leaves the rest; the driver of a route that has the order is told. */
export async function changeHandover(
  ctx: Context,
  { customerId, orderId }: { customerId: string; orderId: string },
  change: z.infer<typeof HandoverChange>,
): Promise<z.infer<typeof Handover>> {
  return recordChanges(ctx, async (tx, changes) => {
    await lockRoutesOf(tx, orderId)
    const { status } = await findOwnDelivery(tx, { customerId, orderId })
    if (!changeableStatuses.includes(status)) {
      throw conflict(
        'handover_over',
        'The order has been handed over or given up; nothing can be chosen any more',
      )
    }
    const before = await findHandoverPreferences(tx, orderId)
    const leaveAtDoor = change.leaveAtDoor ?? mayLeaveAtDoor(before, ctx.now())
    const requiresCode = change.requireCode ?? before.requiresCode
    if (leaveAtDoor && requiresCode) {
      throw invalid(
        'handover_contradiction',
        'What is left at the door is handed to nobody: choose the door or the code',
      )
    }
    await writePreferences(tx, orderId, { leaveAtDoor, requiresCode, now: ctx.now() })
    if (change.renewCode) await renewDeliveryCode(tx, orderId)
    await tellDriver(tx, changes, orderId)
    changes.toCustomer(orderId, 'delivery.handover')
    return viewHandover(ctx, tx, { orderId, status })
  })
}

async function writePreferences(
  tx: Db,
  orderId: string,
  { leaveAtDoor, requiresCode, now }: { leaveAtDoor: boolean; requiresCode: boolean; now: Date },
): Promise<void> {
  await tx.query(
    `insert into handover_preferences as known (order_id, door_allowed_at, requires_code, requires_code_at)
     values ($1, case when $2 then $4::timestamptz end, $3, case when $3 then $4::timestamptz end)
     on conflict (order_id) do update set
       door_allowed_at = case when $2 and (known.door_allowed_at is null or known.door_revoked_at is not null)
                              then $4 else known.door_allowed_at end,
       door_revoked_at = case when $2 or known.door_allowed_at is null then null
                              else coalesce(known.door_revoked_at, greatest($4, known.door_allowed_at)) end,
       requires_code = $3, requires_code_at = case when $3 and known.requires_code then known.requires_code_at
                                                   when $3 then $4 end, updated_at = now()`,
    [orderId, leaveAtDoor, requiresCode, now],
  )
}

/** Routes are locked before deliveries, as everywhere. */
async function lockRoutesOf(tx: Db, orderId: string): Promise<void> {
  await tx.query(
    `select id from routes where id in (
       select route_id from stops where order_id = $1 and status in ('pending', 'arrived'))
     order by id for update`,
    [orderId],
  )
}

async function tellDriver(tx: Db, changes: Changes, orderId: string): Promise<void> {
  const [route] = await tx.query<{ id: string; driver_id: string; version: number; stop_id: string }>(
    `update routes r set version = version + 1, updated_at = now()
     from stops s where s.order_id = $1 and s.status in ('pending', 'arrived') and r.id = s.route_id
     returning r.id, r.driver_id, r.version, s.id as stop_id`,
    [orderId],
  )
  if (route === undefined) return
  const { id: routeId, version, stop_id: stopId } = route
  changes.toDriver(route.driver_id, 'stop.handover', { routeId, version, stopId })
}

async function findOwnDelivery(
  db: Db,
  { customerId, orderId }: { customerId: string; orderId: string },
): Promise<{ status: DeliveryStatus }> {
  const [delivery] = await db.query<{ status: DeliveryStatus }>(
    'select status from deliveries where order_id = $1 and customer_id = $2',
    [orderId, customerId],
  )
  if (delivery === undefined) throw notFound('order_not_found', `You have no order ${orderId}`)
  return delivery
}

async function viewHandover(
  ctx: Context,
  db: Db,
  { orderId, status }: { orderId: string; status: DeliveryStatus },
): Promise<z.infer<typeof Handover>> {
  // An order that joined a van under way has none from its start.
  if (status === 'loaded' || status === 'arrived') await issueDeliveryCodes(db, [orderId])
  const preferences = await findHandoverPreferences(db, orderId)
  return {
    orderId,
    leaveAtDoor: mayLeaveAtDoor(preferences, ctx.now()),
    requireCode: preferences.requiresCode,
    codeExpected: codeAskedBy(preferences, ctx.config.codeFromCents, ctx.now()) !== null,
    code: await findDeliveryCode(db, orderId),
  }
}
