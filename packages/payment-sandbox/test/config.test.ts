import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { decodeForm } from '../src/form-body.ts'

const complete = {
  PORT: '0',
  SANDBOX_API_KEY: 'sk_test_local',
  SANDBOX_WEBHOOK_URL: 'http://127.0.0.1:8084/v1/payments/webhooks/stripe',
  SANDBOX_WEBHOOK_SECRET: 'whsec_local_secret',
  SANDBOX_SETTLE_DELAY_MS: '300',
}

test('reads a complete environment', () => {
  expect(readConfig(complete)).toMatchObject({
    port: 0,
    host: '127.0.0.1',
    dataDir: null,
    settleDelayMs: 300,
  })
})

test('lists every problem at once', () => {
  const bad = { PORT: '70000', SANDBOX_API_KEY: 'sk_live_x', SANDBOX_WEBHOOK_URL: 'nowhere' }
  for (const name of [
    'PORT',
    'SANDBOX_API_KEY',
    'SANDBOX_WEBHOOK_URL',
    'SANDBOX_WEBHOOK_SECRET is not set',
  ]) {
    expect(() => readConfig(bad)).toThrow(name)
  }
})

test('decodes nested forms and refuses names that reach prototypes', () => {
  expect(decodeForm('a=1&b[c]=2&d[0]=3&d[1]=4&e[]=5&f[g][h]=x%26y')).toEqual({
    a: '1',
    b: { c: '2' },
    d: ['3', '4'],
    e: ['5'],
    f: { g: { h: 'x&y' } },
  })
  for (const hostile of [
    '__proto__[x]=1',
    'a[constructor][x]=1',
    'a[b=1',
    'a=1&a[b]=2',
    'a[b][c][d][e][f]=1',
  ]) {
    expect(() => decodeForm(hostile)).toThrow(/Invalid parameter name|both as a value/)
  }
})

test('the program starts, answers, and ends on SIGTERM with code 0', async () => {
  const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
  const child = spawn(process.execPath, [main], { env: { ...complete, PATH: process.env.PATH } })
  try {
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    await expect.poll(() => /"url":"(.+?)"/.exec(output)?.[1], { timeout: 10_000 }).toBeDefined()
    const url = /"url":"(.+?)"/.exec(output)?.[1]
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    const ended = once(child, 'exit')
    child.kill('SIGTERM')
    expect((await ended)[0]).toBe(0)
  } finally {
    child.kill('SIGKILL')
  }
})
