import type { Db } from '@urbanbloom/service-kit/db'
import { newId } from '@urbanbloom/service-kit/ids'
import type { ClaimItem } from './claim.ts'
import { followReplacement, openDriversClaim, withdrawDriversClaim } from './claim-store.ts'
import { type Order, parcelsOf, type Undelivered } from './order.ts'
import { findOrder } from './order-store.ts'
import { applyDelivery, type DeliveryChange } from './saga-store.ts'

/**
 * Applies what delivery-routing says of an order, unless something newer is known, and has its claims follow: a claim
 * that the order makes good ends with its delivery and is open again where it was given up; what the driver kept back
 * is claimed without the customer's asking, and no longer where the driver has said otherwise since. All of it follows
 * from the newest event, so that events may come in any order and as often as they like.
 */
export async function followDelivery(tx: Db, orderId: string, change: DeliveryChange): Promise<void> {
  if (!(await applyDelivery(tx, orderId, change))) return
  const order = await findOrder(tx, orderId)
  if (order === null) return
  if (order.replacesClaimId !== null) await followReplacement(tx, order.id)
  const { undelivered } = order
  if (undelivered === null) return withdrawDriversClaim(tx, orderId)
  await openDriversClaim(tx, {
    id: newId(),
    orderId,
    customerId: order.customerId,
    reason: `Not handed over by the driver: ${undelivered.reason}`,
    items: missingItems(order, undelivered),
  })
}

/** What was missing, as far as the order has it; empty where the driver named only a number of several kinds. */
export function missingItems(order: Pick<Order, 'lines'>, { items, parcels }: Undelivered): ClaimItem[] {
  const named = order.lines.flatMap(({ productId, quantity }) => {
    const missing = items.filter((item) => item.productId === productId)
    const count = missing.reduce((sum, item) => sum + item.quantity, 0)
    return count === 0 ? [] : [{ productId, quantity: Math.min(quantity, count) }]
  })
  const [only, ...others] = order.lines
  if (named.length > 0 || only === undefined || others.length > 0) return named
  return [{ productId: only.productId, quantity: Math.min(parcelsOf(order), parcels) }]
}
