import type { Db } from '@urbanbloom/service-kit/db'

/** Routes are always locked before deliveries; starting a route takes them in that order, too. */
export async function lockRoutesOf(tx: Db, orderId: string): Promise<void> {
  await tx.query(
    `select id from routes where id in (
       select route_id from stops where order_id = $1 and status in ('pending', 'arrived', 'delivered', 'failed'))
     order by id for update`,
    [orderId],
  )
}
