import type { EventData, EventType } from '@urbanbloom/contracts/events'
import type { Db } from '@urbanbloom/service-kit/db'
import { publish } from '@urbanbloom/service-kit/events'
import type { Context } from '../context.ts'
import type { MessageKind } from '../messages/message.ts'
import { recordMessages } from '../messages/record-messages.ts'

type DeliveryEventType = Extract<EventType, `delivery.${string}`>
type News<Type extends DeliveryEventType> = Omit<EventData<Type>, 'sequence'>

/** What customers are told of in the same transaction. */
const messageOf: Partial<Record<DeliveryEventType, MessageKind>> = {
  'delivery.out_for_delivery': 'on_the_way',
  'delivery.delivered': 'delivered',
  'delivery.failed': 'failed',
}

/** Publishes what became true of some deliveries, each event with the next number of its delivery. */
export async function publishDeliveryEvents<Type extends DeliveryEventType>(
  ctx: Context,
  tx: Db,
  type: Type,
  news: readonly News<Type>[],
): Promise<void> {
  if (news.length === 0) return
  const rows = await tx.query<{ order_id: string; sequence: number }>(
    `update deliveries set sequence = sequence + 1 where order_id = any($1::uuid[]) returning order_id, sequence`,
    [news.map(({ orderId }) => orderId)],
  )
  const sequences = new Map(rows.map(({ order_id, sequence }) => [order_id, sequence]))
  for (const data of news) {
    const sequence = sequences.get(data.orderId)
    if (sequence === undefined) throw new Error(`There is no delivery of the order ${data.orderId}`)
    await publish(tx, ctx.jobs, type, { ...data, sequence } as unknown as EventData<Type>)
  }
  const kind = messageOf[type]
  const orderIds = news.map(({ orderId }) => orderId)
  if (kind !== undefined) await recordMessages(ctx, tx, kind, orderIds)
}
