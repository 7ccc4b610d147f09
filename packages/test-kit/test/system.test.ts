import { afterAll, beforeAll, expect, test } from 'vitest'
import { request } from '../src/http.ts'
import { createOps, registerCustomer } from '../src/people.ts'
import { checkoutBody, createFleet, createProduct, firstOpenWindow } from '../src/shop.ts'
import { type System, startSystem } from '../src/system.ts'
import { waitFor } from '../src/wait-for.ts'

let system: System

beforeAll(async () => {
  system = await startSystem({ replicas: 2 })
})

afterAll(() => system?.close())

test('people and goods from the builders are enough to check out, through either gateway', async () => {
  const [customer, ops] = await Promise.all([registerCustomer(system), createOps(system)])
  const [product] = await Promise.all([createProduct(system, ops), createFleet(system, ops)])
  const window = await firstOpenWindow(system)
  for (const gatewayUrl of system.gatewayUrls) {
    const answer = await request('POST', `${gatewayUrl}/v1/checkout`, {
      token: customer.token,
      headers: { 'idempotency-key': crypto.randomUUID() },
      body: checkoutBody([{ productId: product.id, quantity: 1 }], window),
    })
    expect(answer).toMatchObject({ status: 201, body: { order: { status: 'confirmed' } } })
  }
})

test('one process can be killed and started again at its address', { timeout: 90_000 }, async () => {
  const url = `${system.urlOf('inventory', { replica: 1 })}/livez`
  const pid = system.pidOf('inventory', { replica: 1 })
  expect(await system.kill('inventory', { replica: 1 })).toEqual({ code: null, signal: 'SIGKILL' })
  await expect(request('GET', url)).rejects.toThrow(/ECONNREFUSED/)
  await system.restart('inventory', { replica: 1, env: { LOG_LEVEL: 'debug' } })
  expect((await request('GET', url)).status).toBe(200)
  expect(system.pidOf('inventory', { replica: 1 })).not.toBe(pid)
  await waitFor(() => system.logOf('inventory', { replica: 1 }).includes('"level"'), {
    describe: 'a log line',
  })
})
