import { Agent, request as send } from 'node:http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { expect, test } from 'vitest'
import { authorization, INTERNAL_TOKEN, startPayment } from './start-payment.ts'

test('a stop finishes the request under way and does not wait for its connection to be idle', async () => {
  const running = await startPayment()
  const agent = new Agent({ keepAlive: true })
  try {
    const input = authorization('tok_timeout')
    const answer = new Promise<number>((resolve, reject) => {
      const headers = { authorization: `Bearer ${INTERNAL_TOKEN}`, 'content-type': 'application/json' }
      const call = send(
        `${running.url}/internal/payments`,
        { method: 'POST', agent, headers },
        (response) => {
          response.resume()
          response.once('end', () => resolve(response.statusCode ?? 0))
        },
      )
      call.once('error', reject)
      call.end(JSON.stringify(input))
    })
    await waitFor(async () => (await running.intentsOf(input.orderId)).length === 1, {
      describe: 'the request is under way',
    })
    const started = performance.now()
    await running.service.close()
    expect(await answer).toBe(200)
    expect(performance.now() - started).toBeLessThan(5_000)
  } finally {
    agent.destroy()
    await running.close()
  }
})
