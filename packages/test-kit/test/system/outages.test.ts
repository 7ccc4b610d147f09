import { buy, openShop, settled } from '@urbanbloom/test-kit/buyers'
import { request } from '@urbanbloom/test-kit/http'
import { startSystem } from '@urbanbloom/test-kit/system'
import { startPostgres, startRedis } from '@urbanbloom/test-kit/test-servers'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { expect, onTestFinished, test } from 'vitest'

test('with Redis gone everything still works, and with Redis back too', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.close())
  await using system = await startSystem({ redis })
  const shop = await openShop(system)
  const page = () => request('GET', `${system.gatewayUrl}/v1/products/${shop.plant.id}`)
  expect((await page()).status).toBe(200)

  await redis.stop()
  for (let round = 0; round < 10; round += 1) {
    expect((await page()).status).toBe(200)
    expect((await request('GET', `${system.gatewayUrl}/v1/products?search=monstera`)).status).toBe(200)
    const answer = await buy(system.gatewayUrl, shop.customer, shop.one())
    expect(answer.status, JSON.stringify(answer.body)).toBe(201)
  }
  await redis.start()
  expect((await page()).status).toBe(200)
  expect((await buy(system.gatewayUrl, shop.customer, shop.one())).status).toBe(201)
  await settled(system)
}, 120_000)

test('with Postgres gone every answer is a 503 with Retry-After, and all recover by themselves', async () => {
  const postgres = await startPostgres()
  onTestFinished(() => postgres.close())
  await using system = await startSystem({
    postgres,
    env: { order: { CHECKOUT_LEASE_MS: '2000', RECOVERY_INTERVAL_MS: '200' } },
  })
  const shop = await openShop(system)
  const keys = Array.from({ length: 8 }, () => crypto.randomUUID())
  const buyWith = (key: string) => buy(system.gatewayUrl, shop.customer, shop.one(), key)

  // Checkouts are on their way while the database goes down.
  const underway = keys.map(buyWith)
  await postgres.stop()
  for (const answer of await Promise.all(underway)) {
    expect([201, 503], JSON.stringify(answer.body)).toContain(answer.status)
    if (answer.status === 503) expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  }
  const refused = await buyWith(crypto.randomUUID())
  expect(refused.status).toBe(503)
  expect(refused.headers['content-type']).toContain('application/problem+json')
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  expect((await request('GET', `${system.urlOf('order')}/readyz`)).status).toBe(503)

  await postgres.start()
  await waitFor(async () => (await request('GET', `${system.urlOf('order')}/readyz`)).status === 200, {
    describe: 'order is ready again without a restart',
    timeoutMs: 30_000,
  })
  for (const key of keys) {
    const answer = await waitFor(
      async () => {
        const again = await buyWith(key)
        return again.status === 201 ? again : null
      },
      { describe: 'the customer’s retry buys', timeoutMs: 60_000 },
    )
    expect(answer.body.order.status).toBe('confirmed')
  }
  await settled(system, 60_000)
  const { body } = await request('GET', `${system.gatewayUrl}/v1/orders?limit=100`, {
    token: shop.customer.token,
  })
  const bought = body.items.filter(({ status }: { status: string }) => status !== 'rejected')
  expect(bought.length).toBe(keys.length)
}, 180_000)
