import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { newId } from '@urbanbloom/service-kit/ids'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MAX_TRIES } from '../src/messages/message.ts'
import { recordMessages } from '../src/messages/record-messages.ts'
import { sendMessage } from '../src/messages/send-message.ts'
import { sendWebhook } from '../src/messages/send-webhook.ts'
import { AddressRefused } from '../src/messages/webhook-address.ts'
import { createWebhookClient } from '../src/messages/webhook-client.ts'
import {
  createCrew,
  createHub,
  createWorld,
  expecting,
  placeOrder,
  planDay,
  tomorrow,
  type World,
  windowsOf,
} from './world.ts'

type Mail = { to: string[]; text: string }

/** An SMTP server that keeps what it gets; `refusals` answers the next mails with that code instead. */
async function startMailSink() {
  const mails: Mail[] = []
  const refusals: number[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, callback) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => void chunks.push(chunk))
      stream.on('end', () => {
        const refusal = refusals.shift()
        if (refusal !== undefined) {
          return callback(Object.assign(new Error('not now'), { responseCode: refusal }))
        }
        const to = session.envelope.rcptTo.map(({ address }) => address)
        mails.push({ to, text: Buffer.concat(chunks).toString('utf8') })
        callback()
      })
    },
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    refusals,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

/** A subscriber that keeps what it gets and answers with `statuses`, then 204. */
async function startWebhookSink() {
  const posts: { body: string; headers: IncomingMessage['headers'] }[] = []
  const statuses: number[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.on('end', () => {
      posts.push({ body: Buffer.concat(chunks).toString('utf8'), headers: request.headers })
      const status = statuses.shift() ?? 204
      response.writeHead(status, status === 302 ? { location: 'http://127.0.0.1:1/' } : {}).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    posts,
    statuses,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

describe('messages', () => {
  let world: World
  let mail: Awaited<ReturnType<typeof startMailSink>>
  let subscriber: Awaited<ReturnType<typeof startWebhookSink>>
  let crew: Awaited<ReturnType<typeof createCrew>>
  let hubId: string
  let windowId: string
  beforeAll(async () => {
    mail = await startMailSink()
    subscriber = await startWebhookSink()
    world = await createWorld({
      env: {
        SMTP_URL: mail.url,
        WEBHOOK_PRIVATE_ADDRESSES: 'allow',
        MAIL_FROM: 'UrbanBloom <shop@urbanbloom.test>',
      },
    })
    hubId = (await createHub(world)).id
    const window = (await windowsOf(world, tomorrow()))[1]
    windowId = window?.id ?? ''
    crew = await createCrew(world, hubId, tomorrow())
  })
  afterAll(async () => {
    await world.close()
    await mail.close()
    await subscriber.close()
  })

  const asDriver = (path: string, body?: object) => world.call('POST', path, crew.driver.token, body)
  const route = () => expecting(200, world.call('GET', '/v1/driver/route', crew.driver.token))
  const mailsOf = (subject: string, orderNumber: string) =>
    mail.mails.filter(({ text }) => text.includes(`Subject: ${subject}`) && text.includes(orderNumber))
  const messagesOf = (orderId: string) =>
    world.db.query<{ id: string; kind: string; status: string; note: string | null; tries: number }>(
      'select id, kind, status, note, tries from messages where order_id = $1 order by id',
      [orderId],
    )
  const ended = (orderId: string, kind: string) =>
    waitFor(
      async () => (await messagesOf(orderId)).find((m) => m.kind === kind && m.status !== 'pending') ?? null,
      { describe: `the message ${kind} to end` },
    )
  const subscribe = async (events: string[]) => {
    const body = { url: subscriber.url, events }
    return expecting(201, world.asOps('POST', '/v1/webhook-subscriptions', body)) as Promise<{
      id: string
      secret: string
    }>
  }

  it('tell a customer once of each step of the day, by mail and to subscribers', async () => {
    const order = await placeOrder(world, windowId)
    const later = await placeOrder(world, windowId, { at: { latitude: 33.78, longitude: -84.36 } })
    world.peers.contacts.push(
      { id: order.customerId, email: 'robin@customers.test', name: 'Robin <Fern>' },
      { id: later.customerId, email: 'kim@customers.test', name: 'Kim' },
    )
    const subscription = await subscribe(['on_the_way', 'delivered', 'failed'])
    await planDay(world, hubId, tomorrow())
    await expecting(200, asDriver('/v1/driver/route/start', {}))
    await expecting(200, asDriver('/v1/driver/route/start', {}))
    const { stops } = await route()
    const [first, second] = stops
    for (const { orderId } of [first, second]) {
      expect(await ended(orderId, 'on_the_way')).toMatchObject({ status: 'sent', tries: 1 })
    }
    expect((await ended(first.orderId, 'next_stop')).status).toBe('sent')
    const proof = { kind: 'signature', name: 'Robin' }
    for (const _ of [1, 2]) {
      await expecting(200, asDriver(`/v1/driver/stops/${first.id}/deliver`, { proof }))
    }
    await expecting(200, asDriver(`/v1/driver/stops/${second.id}/fail`, { reason: 'nobody_home' }))
    expect((await ended(first.orderId, 'delivered')).status).toBe('sent')
    expect((await ended(second.orderId, 'failed')).status).toBe('sent')
    expect(['sent', 'skipped']).toContain((await ended(second.orderId, 'next_stop')).status)

    expect(mailsOf('Your plants are on the way', first.orderNumber)).toHaveLength(1)
    const [delivered] = mailsOf('Delivered', first.orderNumber)
    const [addressed] = world.peers.contacts.filter(({ id }) =>
      [order, later].some((o) => o.customerId === id && o.orderId === first.orderId),
    )
    expect(delivered?.to).toEqual([addressed?.email])
    const text = delivered?.text ?? ''
    expect(text).toMatch(/^Message-ID: <[0-9a-f-]{36}@127\.0\.0\.1>\r$/m)
    const link = /http:\/\/127\.0\.0\.1:8080\/track\/([\w=-]{20,})/.exec(text.replaceAll('=\r\n', ''))
    expect((await world.call('GET', `/v1/tracking/${link?.[1]}`)).body.status).toBe('delivered')

    await waitFor(() => subscriber.posts.length >= 4, { describe: 'the subscriber to be told' })
    const types = subscriber.posts.map(({ body }): string => JSON.parse(body).type)
    expect(types.filter((type) => type === 'delivery.on_the_way')).toHaveLength(2)
    expect(new Set(types)).toEqual(new Set(['delivery.on_the_way', 'delivery.delivered', 'delivery.failed']))
    expect(types).toHaveLength(4)
    for (const { body, headers } of subscriber.posts) {
      const [, seconds, mac] =
        /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['urbanbloom-signature'])) ?? []
      const expected = createHmac('sha256', subscription.secret).update(`${seconds}.${body}`).digest('hex')
      expect(mac).toBe(expected)
      expect(headers['urbanbloom-event-id']).toBe(JSON.parse(body).id)
    }
    const told =
      JSON.stringify(subscriber.posts) + JSON.stringify(await world.db.query('select * from messages'))
    for (const personal of ['robin@', 'Robin', 'kim@', 'Edgewood', order.customerId]) {
      expect(told).not.toContain(personal)
    }
    await expecting(204, world.call('DELETE', `/v1/webhook-subscriptions/${subscription.id}`, world.ops))
  })

  /** An order whose stop is open on a route under way, so that a message about it still holds. */
  async function orderUnderWay() {
    const order = await placeOrder(world, windowId)
    world.peers.contacts.push({ id: order.customerId, email: `${newId()}@customers.test`, name: 'Ash' })
    await planDay(world, hubId, tomorrow())
    return order
  }
  const record = (orderId: string) =>
    world.ctx.db.transaction((tx) => recordMessages(world.ctx, tx, 'delayed', [orderId]))

  it('are written once, however often and from however many places they are said', async () => {
    const { orderId } = await orderUnderWay()
    await Promise.all(Array.from({ length: 5 }, () => record(orderId)))
    expect((await ended(orderId, 'delayed')).status).toBe('sent')
    await record(orderId)
    expect((await messagesOf(orderId)).filter(({ kind }) => kind === 'delayed')).toHaveLength(1)
  })

  it('are sent once by two processes that both try', async () => {
    const { orderId } = await orderUnderWay()
    const other = await createWorld({
      env: { SMTP_URL: mail.url, DATABASE_URL: world.config.database.url },
    })
    await record(orderId)
    const [message] = await messagesOf(orderId)
    const messageId = message?.id ?? ''
    await Promise.all([1, 2, 3, 4].map((n) => sendMessage(n % 2 ? world.ctx : other.ctx, { messageId })))
    await ended(orderId, 'delayed')
    const sent = mail.mails.filter(({ text }) => text.includes(`<${messageId}@`))
    expect(sent).toHaveLength(1)
    await other.close()
  })

  it('come again with the same Message-ID when a process dies between sending and recording', async () => {
    const { orderId } = await orderUnderWay()
    const quiet = { ...world.ctx, jobs: { ...world.ctx.jobs, enqueue: async () => undefined } }
    await world.db.transaction((tx) => recordMessages(quiet, tx, 'delayed', [orderId]))
    const [message] = await messagesOf(orderId)
    const messageId = message?.id ?? ''
    // A process that ends when it comes to record that the mail was sent.
    const dying = {
      ...world.ctx,
      db: {
        ...world.ctx.db,
        query: (sql: string, values?: readonly unknown[]) =>
          sql.startsWith('update messages set status')
            ? Promise.reject(new Error('the process ended'))
            : world.ctx.db.query(sql, values),
      } as World['ctx']['db'],
    }
    await expect(sendMessage(dying, { messageId })).rejects.toThrow('the process ended')
    const sent = () => mail.mails.filter(({ text }) => text.includes(`Message-ID: <${messageId}@`))
    expect(sent()).toHaveLength(1)
    // Nobody else sends it while the dead process may still be at it, and somebody looks again later.
    await sendMessage(world.ctx, { messageId })
    expect(sent()).toHaveLength(1)
    await world.db.query(`update messages set lease_until = now() - interval '1 second' where id = $1`, [
      messageId,
    ])
    await sendMessage(world.ctx, { messageId })
    expect(sent()).toHaveLength(2)
    expect((await messagesOf(orderId))[0]).toMatchObject({ status: 'sent', tries: 2 })
    await sendMessage(world.ctx, { messageId })
    expect(sent()).toHaveLength(2)
  })

  it('are tried again after a failure that passes, and are dead after one that does not, until ops replays', async () => {
    const { orderId } = await orderUnderWay()
    mail.refusals.push(451)
    await record(orderId)
    await waitFor(async () => (await messagesOf(orderId))[0]?.note === 'failed with EMESSAGE', {
      describe: 'the first try',
    })
    expect((await messagesOf(orderId))[0]).toMatchObject({ status: 'pending', tries: 1 })
    const messageId = (await messagesOf(orderId))[0]?.id ?? ''
    mail.refusals.push(550)
    await sendMessage(world.ctx, { messageId })
    expect((await messagesOf(orderId))[0]).toMatchObject({
      status: 'dead',
      note: 'The mail server answered 550',
    })
    const dead = await expecting(200, world.asOps('GET', '/v1/messages?status=dead'))
    expect(dead.items.map(({ id }: { id: string }) => id)).toEqual([messageId])
    await expecting(202, world.asOps('POST', `/v1/messages/${messageId}/replay`, {}))
    expect((await ended(orderId, 'delayed')).status).toBe('sent')
    expect((await world.asOps('POST', `/v1/messages/${messageId}/replay`, {})).status).toBe(404)
  })

  it('are not sent to an account that is gone', async () => {
    const { orderId, customerId } = await orderUnderWay()
    world.peers.contacts.splice(
      world.peers.contacts.findIndex(({ id }) => id === customerId),
      1,
    )
    await record(orderId)
    expect(await ended(orderId, 'delayed')).toMatchObject({ status: 'skipped', note: 'the account is gone' })
  })

  it('are not sent once the day has moved on', async () => {
    const { orderId } = await orderUnderWay()
    await world.db.transaction(async (tx) => {
      await recordMessages(world.ctx, tx, 'delayed', [orderId])
      await recordMessages(world.ctx, tx, 'delivered', [orderId])
      await tx.query(`update stops set status = 'failed', completed_at = now() where order_id = $1`, [
        orderId,
      ])
    })
    const notes = await Promise.all(['delayed', 'delivered'].map((kind) => ended(orderId, kind)))
    expect(notes.map(({ status, note }) => [status, note])).toEqual([
      ['skipped', 'the stop is over'],
      ['skipped', 'it was not delivered after all'],
    ])
    expect(mail.mails.filter(({ text }) => text.includes(`UB-${orderId.slice(-6)}`))).toEqual([])
    // The day of the other tests goes on.
    await world.db.query(`update stops set status = 'pending', completed_at = null where order_id = $1`, [
      orderId,
    ])
  })

  it('wait while auth does not answer', async () => {
    const { orderId } = await orderUnderWay()
    world.peers.failures.set('/auth/internal/accounts/contacts', { status: 500, code: 'internal_error' })
    await record(orderId)
    await waitFor(async () => (await messagesOf(orderId))[0]?.note != null, {
      describe: 'the note of a failed try',
    })
    world.peers.failures.clear()
    await sendMessage(world.ctx, { messageId: (await messagesOf(orderId))[0]?.id ?? '' })
    expect((await messagesOf(orderId))[0]?.status).toBe('sent')
  })

  it('become dead letters when a subscriber never takes them, and can be replayed', async () => {
    const { orderId } = await orderUnderWay()
    const subscription = await subscribe(['delayed'])
    await world.db.query('update webhook_subscriptions set url = $2 where id = $1', [
      subscription.id,
      'http://127.0.0.1:1/nobody',
    ])
    await record(orderId)
    const find = async () =>
      (await expecting(200, world.asOps('GET', `/v1/webhook-deliveries?subscriptionId=${subscription.id}`)))
        .items[0]
    await waitFor(async () => (await find())?.tries === 1 && (await find()).note, {
      describe: 'the first try',
    })
    await world.db.query('update webhook_deliveries set tries = $1 where subscription_id = $2', [
      MAX_TRIES - 1,
      subscription.id,
    ])
    const delivery = await find()
    await sendWebhook(world.ctx, { deliveryId: delivery.id })
    expect(await find()).toMatchObject({ status: 'dead', tries: MAX_TRIES, note: 'no answer: ECONNREFUSED' })
    const body = { url: subscriber.url }
    await expecting(200, world.call('PATCH', `/v1/webhook-subscriptions/${subscription.id}`, world.ops, body))
    subscriber.posts.length = 0
    subscriber.statuses.push(302)
    const replay = `/v1/webhook-subscriptions/${subscription.id}/replay`
    expect(await expecting(202, world.asOps('POST', replay, {}))).toEqual({ replayed: 1 })
    await waitFor(async () => (await find()).lastStatus === 302, {
      describe: 'a redirect not to be followed',
    })
    subscriber.statuses.push(410)
    await sendWebhook(world.ctx, { deliveryId: delivery.id })
    expect(await find()).toMatchObject({ status: 'dead', lastStatus: 410 })
    const { items } = await expecting(200, world.asOps('GET', '/v1/webhook-subscriptions'))
    expect(items[0]).toMatchObject({ disabledReason: 'it answered 410 Gone' })
    expect(JSON.stringify(items)).not.toContain(subscription.secret)
  })

  it('go to no subscriber inside of our network, by whatever name', async () => {
    const client = createWebhookClient({ allowsPrivate: false })
    const before = subscriber.posts.length
    const { port } = new URL(subscriber.url)
    for (const host of ['localhost', '127.0.0.1', '[::1]']) {
      await expect(client.post(`http://${host}:${port}/hook`, {}, '{}')).rejects.toBeInstanceOf(
        AddressRefused,
      )
    }
    expect(subscriber.posts).toHaveLength(before)
    await client.close()
  })

  it('are for ops to see and to send again', async () => {
    for (const path of ['/v1/messages', '/v1/webhook-deliveries', '/v1/webhook-subscriptions']) {
      expect((await world.call('GET', path, crew.driver.token)).status).toBe(403)
      expect((await world.call('GET', path)).status).toBe(401)
    }
    for (const path of [`/v1/messages/${newId()}/replay`, `/v1/webhook-deliveries/${newId()}/replay`]) {
      expect((await world.asOps('POST', path, {})).body.code).toBe('dead_letter_not_found')
    }
    for (const body of [
      { url: 'ftp://x.example/', events: ['failed'] },
      { url: 'http://shop.example/', events: ['failed'] },
    ]) {
      const answer = await world.asOps('POST', '/v1/webhook-subscriptions', body)
      expect([answer.status, answer.body.code]).toEqual([400, 'webhook_url_refused'])
    }
  })
})
