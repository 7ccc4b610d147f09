import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repository, serviceNames } from '@urbanbloom/local/programs'
import { nearbyAddress } from '@urbanbloom/test-kit/shop'
import { startSystem } from '@urbanbloom/test-kit/system'
import { beforeAll, expect, test } from 'vitest'
import { liveThroughADay } from '../src/journey.ts'

type Line = Record<string, unknown> & { service: string; level: string; msg: string }

let day: Awaited<ReturnType<typeof liveThroughADay>>
let text: string
let lines: Line[]

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'urbanbloom-logs-'))
  const kept = process.env.TEST_LOGS
  process.env.TEST_LOGS = folder
  try {
    await using system = await startSystem({ logLevel: 'debug' })
    day = await liveThroughADay(system)
  } finally {
    process.env.TEST_LOGS = kept ?? ''
  }
  // Read after the stop, which writes what was still waiting.
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.log'),
  )
  text = files
    .filter((name) => !name.includes('payment-sandbox'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('')
  await rm(folder, { recursive: true })
  lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
})

test('every line is JSON with a level, a time, a service and a message', () => {
  expect(lines.length).toBeGreaterThan(200)
  const odd = lines.filter(
    (line) =>
      !['fatal', 'error', 'warn', 'info', 'debug', 'trace'].includes(line.level) ||
      !/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(String(line.time)) ||
      typeof line.service !== 'string' ||
      typeof line.msg !== 'string',
  )
  expect(odd).toEqual([])
  expect(new Set(lines.map(({ service }) => service))).toEqual(
    new Set(['gateway', 'auth', 'inventory', 'order', 'payment', 'delivery-routing']),
  )
})

test('no line holds a person, an address, a token, a card or a password', () => {
  const { shop, giftMessage } = day
  const people = [shop.ops, shop.driver, shop.customer]
  const secrets = [
    ...people.flatMap(({ email, password, token, refreshToken }) => [email, password, token, refreshToken]),
    // A part of a token is a token as long as its signature is there.
    ...people.map(({ token }) => token.split('.').at(-1) ?? ''),
    'Test Customer',
    'Test Ops',
    'Test Driver',
    'Wilhelmina',
    'Quastenflosser',
    nearbyAddress.recipient,
    nearbyAddress.line1,
    nearbyAddress.postalCode,
    String(nearbyAddress.latitude),
    String(nearbyAddress.longitude),
    'tok_visa',
    'tok_declined',
    'tok_3ds',
    'a-mistyped-password',
    giftMessage,
  ]
  const found = secrets.filter((secret) => secret.length > 3 && text.includes(secret))
  expect(found.map((secret) => ({ secret, line: lineWith(secret) }))).toEqual([])
})

test('one request can be followed through all services by one id', () => {
  const checkout = lines.find(
    ({ msg, route, status }) => msg === 'request' && route === '/v1/checkout' && status === 201,
  )
  const ofIt = lines.filter(({ requestId }) => requestId === checkout?.requestId)
  expect(new Set(ofIt.map(({ service }) => service))).toEqual(
    new Set(['gateway', 'order', 'inventory', 'payment', 'delivery-routing']),
  )
  const traces = new Set(ofIt.map(({ traceId }) => traceId))
  expect(traces.size).toBe(1)
  expect([...traces][0]).toMatch(/^[0-9a-f]{32}$/)
})

test('each request is one line, and so is each thing that happened in the business', () => {
  const requests = lines.filter(({ msg, service }) => msg === 'request' && service === 'gateway')
  const ids = requests.map(({ requestId }) => requestId)
  expect(new Set(ids).size).toBe(ids.length)
  for (const line of requests) {
    expect(line).toMatchObject({
      method: expect.any(String),
      route: expect.any(String),
      status: expect.any(Number),
      durationMs: expect.any(Number),
    })
  }
  const events = lines.flatMap(({ event }) => (typeof event === 'string' ? [event] : []))
  const count = (name: string) => events.filter((event) => event === name).length
  expect(count('order_confirmed')).toBe(4)
  expect(count('order_rejected')).toBe(3)
  expect(count('order_cancelled')).toBe(1)
  const others = [
    'account_registered',
    'stock_reserved',
    'stock_refused',
    'payment_moved',
    'plan_stored',
    'order.confirmed',
    'delivery.scheduled',
    'delivery.out_for_delivery',
    'delivery.delivered',
    'delivery.failed',
    'claim_opened',
  ]
  for (const name of others) {
    expect(count(name), name).toBeGreaterThan(0)
  }
})

const kinds: Record<string, string> = {
  string: 'text',
  number: 'number',
  boolean: 'yes or no',
  unknown: 'object',
  'readonly string[]': 'list of texts',
}
const onEveryLine = ['level', 'time', 'service', 'msg']

test('docs/observability.md lists every field that the code can log, with its one type', () => {
  const source = readFileSync(join(repository, 'packages/service-kit/src/log-fields.ts'), 'utf8')
  const declared = [...source.matchAll(/^ {2}(\w+)\?: (.*)$/gm)].map(([, name, type = '']) => {
    const bare = type.split(' | ').filter((part) => part !== 'undefined' && part !== 'null')
    return [name, kinds[bare.join(' | ')]]
  })
  const documented = documentedFields()
  for (const name of onEveryLine) documented.delete(name)
  expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(declared))
})

test('every field of a line is a documented one and has its type', () => {
  const documented = documentedFields()
  const odd = lines.flatMap((line) =>
    Object.entries(line)
      .filter(([name, value]) => value !== null && documented.get(name) !== kindOf(value))
      .map(([name, value]) => `${name}: ${kindOf(value)} in ${line.service}, ${line.msg}`),
  )
  expect([...new Set(odd)]).toEqual([])
})

test('no line is written past the list: by another logger, or with fields that were put together elsewhere', () => {
  const folders = [...serviceNames.map((name) => `services/${name}/src`), 'packages/service-kit/src']
  const odd = folders.flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => {
        const code = readFileSync(join(repository, folder, file), 'utf8')
        const calls = code.matchAll(
          /\blog(?:\.(?:fatal|error|warn|info|debug|trace)|\[[^\]]+\])\(\s*(\{(?:[^{}]|\{[^{}]*\})*\}|.)/g,
        )
        const unseen = [...calls].filter(([, first = '']) => !/^['"`o]|^\{(?![^]*\.\.\.)/.test(first))
        const strangers = code.match(/\bpino\(|request\.log\b|req\.log\b|console\.(log|error|warn)\(/g) ?? []
        const isLog = file === 'log.ts'
        return [...unseen.map(([call]) => call), ...(isLog ? [] : strangers)].map(
          (call) => `${file}: ${call}`,
        )
      }),
  )
  expect(odd).toEqual([])
})

/** By its name the type of each field in the table. */
function documentedFields(): Map<string, string> {
  const page = readFileSync(join(repository, 'docs/observability.md'), 'utf8')
  const [, section = ''] = /## Logs\n([\s\S]*?)\n## /.exec(page) ?? []
  const rows = [...section.matchAll(/^\| (`\w+`(?:, `\w+`)*) \| ([\w ]+) \|/gm)]
  return new Map(
    rows.flatMap(([, names = '', type = '']) =>
      [...names.matchAll(/\w+/g)].map(([name]) => [name, type] as const),
    ),
  )
}

function kindOf(value: unknown): string {
  if (typeof value === 'object') return Array.isArray(value) ? 'list of texts' : 'object'
  return kinds[typeof value] ?? typeof value
}

function lineWith(secret: string): string {
  return text.split('\n').find((line) => line.includes(secret)) ?? ''
}
