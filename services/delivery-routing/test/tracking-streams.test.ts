import http from 'node:http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  createHub,
  createWorld,
  expecting,
  placeOrder,
  release,
  tomorrow,
  type World,
  windowsOf,
} from './world.ts'

const LINKS = 20
const STREAMS_OF_A_LINK = 6
const ORDERS = 3

let world: World
beforeAll(async () => {
  world = await createWorld({ env: { SSE_CONNECTIONS_MAX: '500' } })
})
afterAll(() => world.close())

it('a change for hundreds of streams at once reaches every one of them', async () => {
  await createHub(world)
  const windowId = (await windowsOf(world, tomorrow()))[0]?.id ?? ''
  const orders = [
    await placeOrder(world, windowId),
    await placeOrder(world, windowId),
    await placeOrder(world, windowId),
  ]
  const texts: string[] = []
  const requests: http.ClientRequest[] = []
  const open = (token: string) =>
    new Promise<void>((resolve, reject) => {
      const index = texts.push('') - 1
      const request = http.get(`${world.url}/v1/tracking/${token}/events`, { agent: false }, (response) => {
        response.setEncoding('utf8')
        response.on('error', () => undefined)
        response.on('data', (text: string) => {
          texts[index] += text
          if (text.includes('event: tracking')) resolve()
        })
      })
      request.on('error', reject)
      requests.push(request)
    })
  for (const { orderId, token } of orders) {
    for (let link = 0; link < LINKS; link += 1) {
      const path = `/v1/orders/${orderId}/tracking-links`
      const { token: shared } = await expecting(201, world.call('POST', path, token))
      await Promise.all(Array.from({ length: STREAMS_OF_A_LINK }, () => open(shared)))
    }
  }
  expect(texts).toHaveLength(ORDERS * LINKS * STREAMS_OF_A_LINK)
  await Promise.all(orders.map(({ orderId }) => expecting(200, release(world, orderId))))
  await waitFor(() => texts.every((text) => text.includes('"status":"cancelled"')), {
    describe: 'every stream to hear of it',
  })
  for (const request of requests) request.destroy()
})
