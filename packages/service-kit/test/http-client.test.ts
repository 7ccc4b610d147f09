import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import * as z from 'zod'
import { createPeer } from '../src/http-client.ts'
import { runInContext, traceparentFrom } from '../src/request-context.ts'

async function peerOf(listener: RequestListener) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const peer = createPeer({
    name: 'delivery-routing',
    baseUrl: `http://127.0.0.1:${port}`,
    internalToken: 't'.repeat(32),
  })
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await peer.close()
  })
  return { peer, server }
}

const Answer = z.object({ ok: z.boolean() })

function problem(status: number, code: string) {
  return JSON.stringify({
    type: 'x',
    title: 'x',
    status,
    detail: 'why',
    instance: '/',
    code,
    requestId: 'r',
    left: 3,
  })
}

test('a call carries the token, the request id, the trace and what is left of the deadline', async () => {
  const { peer } = await peerOf((request, response) =>
    response.end(JSON.stringify({ ok: true, headers: request.headers })),
  )
  const context = {
    requestId: 'request-1',
    traceparent: traceparentFrom(undefined),
    deadlineAt: performance.now() + 700,
  }
  const answer = await runInContext(context, () =>
    peer.post('/x', {}, Answer.extend({ headers: z.record(z.string(), z.string()) })),
  )
  expect(answer.headers).toMatchObject({
    authorization: `Bearer ${'t'.repeat(32)}`,
    'x-request-id': 'request-1',
    traceparent: context.traceparent,
  })
  expect(Number(answer.headers['x-request-timeout-ms'])).toBeLessThanOrEqual(700)
})

test('a 503 and a broken connection are tried again, at most three times in all', async () => {
  let calls = 0
  const { peer } = await peerOf((request, response) => {
    calls += 1
    if (calls === 1) return response.writeHead(503).end(problem(503, 'overloaded'))
    if (calls === 2) return request.socket.destroy()
    return response.end('{"ok":true}')
  })
  await expect(peer.post('/x', {}, Answer)).resolves.toEqual({ ok: true })
  expect(calls).toBe(3)

  const down = await peerOf((_request, response) => response.writeHead(503).end(problem(503, 'overloaded')))
  await expect(down.peer.post('/x', {}, Answer)).rejects.toMatchObject({ status: 503, code: 'overloaded' })
})

test('a peer that is down for long uses up the budget of retries, and is then asked once for each call', async () => {
  let calls = 0
  const { peer } = await peerOf((_request, response) => {
    calls += 1
    response.writeHead(503).end(problem(503, 'overloaded'))
  })
  await Promise.all(Array.from({ length: 60 }, () => peer.post('/x', {}, Answer).catch(() => undefined)))
  expect(calls).toBeLessThanOrEqual(60 + 20 + 6)
})

test('a refusal keeps the peer’s own code and members, and is not tried again', async () => {
  let calls = 0
  const { peer } = await peerOf((_request, response) => {
    calls += 1
    response.writeHead(409).end(problem(409, 'out_of_stock'))
  })
  await expect(peer.post('/x', {}, Answer)).rejects.toMatchObject({
    status: 409,
    code: 'out_of_stock',
    extra: { left: 3 },
  })
  expect(calls).toBe(1)
})

test('no answer in time is a 504; nobody there is a 503; nonsense is a 502', async () => {
  const { peer } = await peerOf(() => undefined)
  await expect(peer.post('/x', {}, Answer, { timeoutMs: 50 })).rejects.toMatchObject({
    status: 504,
    code: 'delivery_routing_timeout',
  })
  const gone = await peerOf(() => undefined)
  gone.server.close()
  await expect(gone.peer.post('/x', {}, Answer)).rejects.toMatchObject({
    status: 503,
    code: 'delivery_routing_unavailable',
  })
  const odd = await peerOf((_request, response) => response.writeHead(500).end('<html>'))
  await expect(odd.peer.post('/x', {}, Answer)).rejects.toMatchObject({
    status: 502,
    code: 'delivery_routing_failed',
  })
})
