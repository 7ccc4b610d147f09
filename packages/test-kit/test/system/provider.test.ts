import {
  askSandbox,
  buy,
  chargesOf,
  openShop,
  paidWith,
  readOrder,
  settled,
} from '@urbanbloom/test-kit/buyers'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

let system: System
let shop: Awaited<ReturnType<typeof openShop>>

beforeAll(async () => {
  system = await startSystem()
  shop = await openShop(system)
})
afterAll(() => system?.close())
afterEach(() => webhooks('normal'))

async function webhooks(mode: 'normal' | 'off' | 'twice' | 'before_answer') {
  await askSandbox(system, 'POST', '/webhooks', { mode })
}

async function untilConfirmed(id: string) {
  await waitFor(
    async () => (await readOrder(system.gatewayUrl, shop.customer, id)).body.status === 'confirmed',
    {
      describe: 'the order is confirmed',
      timeoutMs: 60_000,
    },
  )
}

test('a provider that never answers: 202, and the webhook settles the order', async () => {
  const key = crypto.randomUUID()
  const body = shop.one(paidWith('tok_timeout'))
  const answer = await buy(system.gatewayUrl, shop.customer, body, key)
  expect(answer, JSON.stringify(answer.body)).toMatchObject({
    status: 202,
    body: { order: { status: 'pending' } },
  })
  const { id } = answer.body.order
  await untilConfirmed(id)
  await settled(system)
  expect(await chargesOf(system, id)).toHaveLength(1)
  // The first answer is given again; the order tells how it went on.
  const again = await buy(system.gatewayUrl, shop.customer, body, key)
  expect(again).toMatchObject({ status: 202, body: answer.body, headers: { 'idempotency-replayed': 'true' } })
}, 90_000)

test('a provider that never answers and whose webhook never comes is asked', async () => {
  await webhooks('off')
  const answer = await buy(system.gatewayUrl, shop.customer, shop.one(paidWith('tok_timeout')))
  expect(answer.status).toBe(202)
  await untilConfirmed(answer.body.order.id)
  await settled(system)
}, 90_000)

test.each(['twice', 'before_answer'] as const)('webhooks that come %s change nothing', async (mode) => {
  await webhooks(mode)
  const answer = await buy(system.gatewayUrl, shop.customer, shop.one())
  expect(answer, JSON.stringify(answer.body)).toMatchObject({
    status: 201,
    body: { order: { status: 'confirmed' } },
  })
  await settled(system)
  expect(await chargesOf(system, answer.body.order.id)).toHaveLength(1)
})

test('3-D Secure settles by the webhook alone when the customer acts at the bank', async () => {
  const { order } = (await buy(system.gatewayUrl, shop.customer, shop.one(paidWith('tok_3ds')))).body
  const [intent] = await chargesOf(system, order.id)
  await askSandbox(system, 'POST', `/payment_intents/${intent!.id}/authenticate`, { outcome: 'approve' })
  await untilConfirmed(order.id)
  await settled(system)
})
