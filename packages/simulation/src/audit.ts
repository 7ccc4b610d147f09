import type { Client } from './client.ts'
import type { Customer, Session, World } from './world.ts'

const SIDE_BY_SIDE = 16
const MAX_CUSTOMERS_ASKED = 500
const MAX_PAGES = 20

export type Audit = { customersAsked: number; ordersSeen: number; booksBalance: boolean | undefined }

/**
 * Asks the system what it thinks was bought, and compares with what customers were told: an order that its
 * customer does not know was made twice, one that the system does not know was lost. What differs is a surprise.
 */
export async function audit(world: World, ops: Session): Promise<Audit> {
  const byCustomer = Map.groupBy(world.bought.values(), ({ customer }) => customer)
  const asked = [...byCustomer].slice(0, MAX_CUSTOMERS_ASKED)
  let ordersSeen = 0
  const queue = asked.values()
  const work = async () => {
    for (const [customer, purchases] of queue) {
      const known = new Map(purchases.map(({ orderId, totalCents }) => [orderId, totalCents]))
      const orders = await ordersOf(world, customer)
      ordersSeen += orders.length
      compare(world, known, orders)
    }
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work))
  return { customersAsked: asked.length, ordersSeen, booksBalance: await askForBooks(world.client, ops) }
}

type Order = { id: string; status: string; totalCents: number }

function compare({ tally }: World, known: ReadonlyMap<string, number>, orders: readonly Order[]): void {
  const seen = new Set(orders.map(({ id }) => id))
  for (const id of known.keys()) if (!seen.has(id)) tally.surprise(`The order ${id} is lost`)
  for (const { id, status, totalCents } of orders) {
    const told = known.get(id)
    if (told !== undefined && told !== totalCents) {
      tally.surprise(`The order ${id} was sold for ${told} cents and is now ${totalCents}`)
    }
    // One that was never confirmed to its customer has to be on its way out or still be settled.
    const isUnknownSale =
      told === undefined && !['rejected', 'pending', 'payment_action_required'].includes(status)
    if (isUnknownSale) tally.count('bought without an answer')
  }
}

async function ordersOf({ client, people }: World, customer: Customer): Promise<Order[]> {
  const orders: Order[] = []
  const token = await people.tokenOf(customer)
  let cursor: string | null = ''
  for (let page = 0; cursor !== null && page < MAX_PAGES; page += 1) {
    const path: string = `/v1/orders?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`
    const body: { items: Order[]; nextCursor: string | null } = await client.expect(200, 'orders', {
      path,
      token,
    })
    orders.push(...body.items)
    cursor = body.nextCursor
  }
  return orders
}

async function askForBooks(client: Client, { token }: Session): Promise<boolean | undefined> {
  const { status, body } = await client.ask('books', { path: '/v1/payments/reconciliation', token })
  return status === 200 ? body.mismatches.length === 0 : undefined
}
