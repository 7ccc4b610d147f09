import { Agent, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import { createServer } from '@urbanbloom/service-kit/server'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { expect, onTestFinished, test } from 'vitest'

const DRAIN_DELAY_MS = 300

async function startServer(options: { connectionAgeMs?: number } = {}) {
  const app = createServer({
    name: 'any',
    config: {
      port: 0,
      host: '127.0.0.1',
      logLevel: 'silent',
      internalToken: 'x'.repeat(32),
      drainDelayMs: DRAIN_DELAY_MS,
    },
    log: createLog('any', 'silent'),
    metrics: createMetrics('any'),
    ready: () => Promise.resolve(),
    ...options,
  })
  app.get('/work', () => ({ done: true }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(async () => {
    agent.destroy()
    await app.close()
  })
  const { port } = app.server.address() as AddressInfo
  const get = (path: string) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      request({ port, path, agent }, (response) => response.resume().once('end', () => resolve(response)))
        .once('error', reject)
        .end()
    })
  return { app, get }
}

test('a process that drains is not ready, serves what still arrives, and lets each used connection end', async () => {
  const { app, get } = await startServer()
  const before = await get('/work')
  expect(before.headers.connection).toBe('keep-alive')
  expect((await get('/readyz')).statusCode).toBe(200)

  const began = performance.now()
  const drained = app.drain()
  const onTheOldConnection = await get('/work')
  expect(onTheOldConnection.statusCode).toBe(200)
  expect(onTheOldConnection.headers.connection).toBe('close')
  expect((await get('/readyz')).statusCode).toBe(503)
  await drained
  // A timer may fire a fraction of a millisecond early.
  expect(performance.now() - began).toBeGreaterThan(DRAIN_DELAY_MS - 2)
  expect((await get('/work')).statusCode).toBe(200)
})

test('a connection that is old ends with its next answer, so that its client meets the processes that came since', async () => {
  const { app, get } = await startServer({ connectionAgeMs: 100 })
  let connections = 0
  app.server.on('connection', () => (connections += 1))
  const answers: (string | undefined)[] = []
  await waitFor(
    async () => {
      const answer = await get('/work')
      expect(answer.statusCode).toBe(200)
      answers.push(answer.headers.connection)
      return answers.filter((header) => header === 'close').length === 3
    },
    { describe: 'three connections have ended' },
  )
  expect(connections).toBe(3)
  expect(answers[0]).toBe('keep-alive')
  await get('/work')
  expect(connections).toBe(4)
})
