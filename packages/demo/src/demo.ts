// Tells one order's story over HTTP against a running system: `npm run demo`. URBANBLOOM_URL names another
// entrance than the local one.
import { readSettings } from '@urbanbloom/local/settings'
import { buyPlants, type Purchase } from './buy.ts'
import { driveRoute } from './deliver.ts'
import { waitForOrder } from './follow.ts'
import { check, createNarrator, DemoStopped, dollars, type Narrator } from './narrate.ts'
import { planDay } from './plan.ts'

type Money = { capturedCents: number; refundedCents: number }
type Reconciliation = {
  isComplete: boolean
  payments: Money
  ledger: Money
  provider: Money
  mismatches: object[]
}
type Entry = { kind: string; account: string; amountCents: number }
type Order = { status: string; payment: { id: string; status: string } }

try {
  await tellStory(process.env.URBANBLOOM_URL || `http://127.0.0.1:${readSettings(process.env).ports.gateway}`)
} catch (err) {
  console.error(err instanceof DemoStopped ? `\n✗ ${err.message}` : err)
  process.exitCode = 1
}
// A kept-alive connection must not keep the process.
process.exit()

async function tellStory(url: string): Promise<void> {
  console.log(`One order's story, at ${url}`)
  const tell = createNarrator(url.replace(/\/$/, ''))
  const purchase = await buyPlants(tell)
  const { opsToken, driverEmail } = await planDay(tell, purchase)
  await driveRoute(tell, { purchase, driverEmail })
  await closeBooks(tell, opsToken, purchase)
  console.log(`\n✓ ${purchase.number}: bought once, driven, delivered, paid, and the books balance.`)
}

/** The end of the story: delivered, captured, booked, and the same money on all sides. */
async function closeBooks(tell: Narrator, token: string, purchase: Purchase): Promise<void> {
  const { step, say, call, until } = tell
  step('The order is delivered and paid')
  await waitForOrder(tell, purchase, 'delivered')
  const order = await until<Order | { order: Order }>(`/v1/orders/${purchase.orderId}`, {
    token: purchase.customerToken,
    describe: 'its payment is captured',
    isThere: (body) => orderOf(body).payment.status === 'captured',
  })
  say(`${dollars(purchase.totalCents)} captured`)

  step('Ops looks at the books')
  const { payment } = orderOf(order)
  const { body: booked } = await call<Money & { ledger: Entry[] }>('GET', `/v1/payments/${payment.id}`, {
    expect: 200,
    token,
  })
  for (const { account, amountCents } of booked.ledger) {
    say(`${amountCents > 0 ? 'debit ' : 'credit'} ${account} ${dollars(Math.abs(amountCents))}`)
  }
  const sum = booked.ledger.reduce((total, { amountCents }) => total + amountCents, 0)
  check(
    booked.ledger.length > 1 && sum === 0,
    `The ledger entries of the payment sum to ${sum} cents instead of 0.`,
  )
  check(
    booked.capturedCents === purchase.totalCents,
    `${booked.capturedCents} cents were captured, not the total.`,
  )

  const { body: books } = await call<Reconciliation>('GET', '/v1/payments/reconciliation', {
    expect: 200,
    token,
  })
  const { payments, ledger, provider, mismatches } = books
  say(
    `captured in 24 hours: payments ${dollars(payments.capturedCents)}, ledger ${dollars(ledger.capturedCents)}, ` +
      `provider ${dollars(provider.capturedCents)}; ${mismatches.length} mismatches`,
  )
  check(
    mismatches.length === 0,
    `The reconciliation found ${mismatches.length} mismatches: ${JSON.stringify(mismatches[0])}`,
  )
}

function orderOf(body: Order | { order: Order }): Order {
  return 'order' in body ? body.order : body
}
