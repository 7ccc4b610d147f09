import { newId } from '@urbanbloom/service-kit/ids'
import { logIn, registerCustomer } from '@urbanbloom/test-kit/people'
import { type System, startSystem } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Api, bodyOf, openApi } from './api-client.ts'
import { buyPlants, openHeavyShop, planDay } from './planned-day.ts'
import { type Column, picture, type Row, rows, type Things } from './who-may-table.ts'

/** What a person gets; `yes` is any answer that does not depend on who asks. */
type Cell = 'yes' | '401' | '403' | '404'

const columns: readonly Column[] = ['nobody', 'customer', 'otherCustomer', 'driver', 'otherDriver', 'ops']
const roleOf = {
  customer: 'customer',
  otherCustomer: 'customer',
  driver: 'driver',
  otherDriver: 'driver',
  ops: 'ops',
} as const

let system: System
let api: Api
let tokens: Record<Column, string | undefined>
let things: Things

beforeAll(async () => {
  system = await startSystem()
  api = await openApi(system.gatewayUrl)
  const shop = await openHeavyShop(system, api)
  const [orderId = ''] = await buyPlants(system, shop, 1)
  await planDay(api, shop)
  const customer = api.as(shop.customer)
  const [route] = bodyOf(200, await api.as(shop.ops).get(`/v1/dispatch/routes?date=${shop.date}`)).items
  const [driver, otherDriver] =
    route.driverId === shop.driver.id ? [shop.driver, shop.secondDriver] : [shop.secondDriver, shop.driver]
  const { stops } = bodyOf(200, await api.as(driver).post('/v1/driver/route/start'))
  tokens = {
    nobody: undefined,
    customer: shop.customer.token,
    otherCustomer: (await registerCustomer(system)).token,
    driver: driver.token,
    otherDriver: otherDriver.token,
    ops: shop.ops.token,
  }
  const stopId: string = stops[0].id
  const upload = await ask('POST', `/v1/driver/stops/${stopId}/proof-files`, {
    token: driver.token,
    body: picture,
  })
  const { recipient, line1, city, region, postalCode, latitude, longitude } = stops[0].address
  const address = { recipient, line1, city, region, postalCode, latitude, longitude }
  const link = bodyOf(201, await customer.post(`/v1/orders/${orderId}/tracking-links`))
  const links = bodyOf(200, await customer.get(`/v1/orders/${orderId}/tracking-links`)).items
  // A session beside the one with which the test goes on.
  await logIn(system, shop.customer.email)
  const sessions = bodyOf(200, await customer.get('/v1/auth/sessions')).items
  things = {
    orderId,
    stopId,
    fileId: upload.body.id,
    addressId: bodyOf(201, await customer.post('/v1/me/addresses', address)).id,
    sessionId: sessions.find(({ current }: { current: boolean }) => !current)?.id ?? '',
    linkId: links[0].id,
    trackingToken: link.token,
    claimId: newId(),
    photoId: newId(),
  }
})
afterAll(() => system?.close())

/** The status and, of a problem, its code. Streams are left as soon as they have begun. */
async function ask(
  method: string,
  path: string,
  { token, body }: { token?: string | undefined; body?: object | Buffer },
) {
  const abort = new AbortController()
  const sent = Buffer.isBuffer(body)
    ? { type: 'image/jpeg', text: new Uint8Array(body) }
    : { type: 'application/json', text: JSON.stringify(body ?? {}) }
  const response = await fetch(system.gatewayUrl + path, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(method !== 'GET' && method !== 'DELETE' && { 'content-type': sent.type }),
    },
    ...(method !== 'GET' && method !== 'DELETE' && { body: sent.text }),
    signal: abort.signal,
  })
  const isJson = response.headers.get('content-type')?.includes('json')
  const answer = { status: response.status, body: (isJson ? await response.json() : null) as any }
  abort.abort()
  return answer
}

function pathOf({ call, of }: Row): [string, string] {
  const [method = '', template = ''] = call.split(' ')
  const given = of?.(things) ?? []
  let next = 0
  return [method, template.replaceAll('{}', () => given[next++] ?? newId())]
}

function expected(row: Row, column: Column): Cell {
  if (row.who === 'everybody') return 'yes'
  if (column === 'nobody') return '401'
  const role = roleOf[column]
  if (row.who !== 'anybody' && !row.who.includes(role)) return '403'
  if (row.owner === undefined || column === row.owner) return 'yes'
  // Where several roles may, those who own nothing of the kind see all.
  return row.who !== 'anybody' && role !== row.owner ? 'yes' : '404'
}

/** With an id that nobody has, 404 says that this person may look; with an owner's, that they may not. */
function cellOf(row: Row, { status, body }: { status: number; body: { code?: string } | null }): Cell {
  if (status === 401 && row.who !== 'everybody') return '401'
  if (status === 403 && body?.code === 'role_required') return '403'
  return status === 404 && row.owner !== undefined ? '404' : 'yes'
}

const nameOf = (method: string, path: string) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`

test('every call of the OpenAPI document has its row, and every row its call', () => {
  const calls = api.operations.map(({ method, path }) => nameOf(method, path))
  expect(rows.map(({ call }) => call).toSorted()).toEqual(calls.toSorted())
  const open = api.operations
    .filter(({ guarded }) => !guarded)
    .map(({ method, path }) => nameOf(method, path))
  const rowsOfEverybody = rows.filter(({ who }) => who === 'everybody').map(({ call }) => call)
  expect(rowsOfEverybody.toSorted()).toEqual(open.toSorted())
})

async function askEverybody(row: Row): Promise<void> {
  // The owner comes last, because what they do may end what the row is about.
  const last: Column = row.owner ?? 'ops'
  const order: Column[] = [...columns.filter((column) => column !== last), last]
  for (const column of order) {
    const [method, path] = pathOf(row)
    const answer = await ask(method, path, {
      token: tokens[column],
      ...(row.body !== undefined && { body: row.body }),
    })
    expect(answer.status, `${column}: ${JSON.stringify(answer.body)}`).toBeLessThan(500)
    expect(cellOf(row, answer), `${column}: ${answer.status} ${answer.body?.code}`).toBe(
      expected(row, column),
    )
  }
}

test.each(rows.filter(({ afterDelivery }) => !afterDelivery))('$call', askEverybody)

test('once the order is delivered, its customer claims', async () => {
  const { orderId } = things
  const customer = api.as({ token: tokens.customer ?? '' })
  const order = await waitFor(
    async () => {
      const { body } = await customer.get(`/v1/orders/${orderId}`)
      return body.status === 'delivered' ? body : null
    },
    { describe: 'the order to be delivered' },
  )
  const items = [{ productId: order.lines[0].productId, quantity: 1 }]
  const claim = await customer.post(`/v1/orders/${orderId}/claims`, { reason: 'damaged', items })
  things = { ...things, claimId: bodyOf(201, claim).id }
  const photo = await ask('POST', `/v1/orders/${orderId}/claims/${things.claimId}/photos`, {
    token: tokens.customer,
    body: picture,
  })
  expect(photo.status).toBe(201)
  things = { ...things, photoId: photo.body.id }
})

test.each(rows.filter(({ afterDelivery }) => afterDelivery))('$call', askEverybody)

test('a driver after the shift reads no picture any more, and may still report', async () => {
  const client = new pg.Client({ connectionString: system.database.adminUrl })
  await client.connect()
  // The driver's other shifts, of any hour of the day, must not be in the way.
  await client.query(
    `update delivery.shifts
     set during = tstzrange(lower(during) + interval '900 days', upper(during) + interval '900 days')
     where id not in (select r.shift_id from delivery.routes r join delivery.stops s on s.route_id = r.id where s.id = $1)`,
    [things.stopId],
  )
  await client.query(
    `update delivery.shifts set during = tstzrange(now() - interval '11 hours', now() - interval '121 minutes')
     where id = (select r.shift_id from delivery.routes r join delivery.stops s on s.route_id = r.id where s.id = $1)`,
    [things.stopId],
  )
  await client.end()
  for (const row of rows.filter(({ owner }) => owner === 'driver')) {
    const [method, path] = pathOf(row)
    const answer = await ask(method, path, {
      token: tokens.driver,
      ...(row.body !== undefined && { body: row.body }),
    })
    expect(cellOf(row, answer), row.call).toBe(row.endsWithShift ? '404' : 'yes')
  }
})

test('docs/who-may-what.md says the same', async () => {
  const heads = ['not logged in', 'customer', 'another customer', 'driver', 'another driver', 'ops']
  const cells = (row: Row) =>
    columns.map((column) => {
      const cell = expected(row, column)
      return column === 'driver' && row.endsWithShift
        ? 'until 2 h after the shift'
        : cell === 'yes'
          ? 'yes'
          : cell
    })
  const lines = [
    '# Who may what',
    '',
    'Every public call and what each person gets: `yes` is an answer that does not depend on who asks, 401 asks for a',
    'login, 403 for another role; 404 hides what belongs to somebody else. For calls with an owner, `customer` and',
    '`driver` are the one whose order, stop, address or session it is. `packages/test-kit/test/system/who-may-table.ts` has',
    'the table; its test asks all of it over HTTP and writes this page.',
    '',
    `| call | ${heads.join(' | ')} |`,
    `|---|${heads.map(() => '---').join('|')}|`,
    ...rows.map((row) => `| \`${row.call}\` | ${cells(row).join(' | ')} |`),
  ]
  await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('../../../../docs/who-may-what.md')
})
