import { PassThrough } from 'node:stream'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import { createServer } from '@urbanbloom/service-kit/server'
import { pino } from 'pino'
import { expect, test } from 'vitest'

test('why a process is not ready is in the log once, with the cause, and so is its end', async () => {
  const lines = new PassThrough({ encoding: 'utf8' })
  let failure: Error | undefined = new Error('The database does not answer', {
    cause: new Error('password authentication failed'),
  })
  const app = createServer({
    name: 'any',
    config: { port: 0, host: '127.0.0.1', logLevel: 'info', internalToken: 'x'.repeat(32), drainDelayMs: 0 },
    log: pino({}, lines),
    metrics: createMetrics('any'),
    ready: () => (failure === undefined ? Promise.resolve() : Promise.reject(failure)),
  })
  const probe = async () => (await app.inject('/readyz')).statusCode
  expect([await probe(), await probe()]).toEqual([503, 503])
  failure = undefined
  expect([await probe(), await probe()]).toEqual([200, 200])
  await app.close()

  const logged = String(lines.read()).trim().split('\n')
  expect(logged.map((line) => JSON.parse(line))).toMatchObject([
    { msg: 'not ready', reason: 'The database does not answer (password authentication failed)' },
    { msg: 'ready again' },
  ])
})
