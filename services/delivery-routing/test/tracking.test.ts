import { newId } from '@urbanbloom/service-kit/ids'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createHub,
  createWorld,
  expecting,
  hold,
  placeOrder,
  release,
  tomorrow,
  type World,
  windowsOf,
} from './world.ts'

describe('tracking', () => {
  let world: World
  let windowId: string
  let now = new Date()
  beforeAll(async () => {
    world = await createWorld({ overrides: { now: () => now } })
    await createHub(world)
    windowId = (await windowsOf(world, tomorrow()))[0]?.id ?? ''
  })
  afterAll(() => world.close())
  const track = (orderId: string, token?: string) =>
    world.call('GET', `/v1/orders/${orderId}/tracking`, token)

  it('follows an order from its hold to its end', async () => {
    const order = { orderId: newId(), customerId: newId(), windowId }
    const token = world.tokenFor(order.customerId, 'customer')
    expect((await track(order.orderId, token)).status).toBe(404)
    await expecting(200, hold(world, order))
    const tracking = await expecting(200, track(order.orderId, token))
    expect(tracking).toMatchObject({
      orderId: order.orderId,
      status: 'pending',
      eta: null,
      stopsAhead: null,
      driverPosition: null,
    })
    expect(Date.parse(tracking.window.end) - Date.parse(tracking.window.start)).toBe(2 * 3_600_000)
    await expecting(200, release(world, order.orderId))
    expect((await expecting(200, track(order.orderId, token))).status).toBe('cancelled')
  })

  it('is for the customer of the order alone', async () => {
    const { orderId, token } = await placeOrder(world, windowId)
    expect((await expecting(200, track(orderId, token))).status).toBe('confirmed')
    const stranger = world.tokenFor(newId(), 'customer')
    for (const path of ['tracking', 'tracking/events']) {
      const answer = await world.call('GET', `/v1/orders/${orderId}/${path}`, stranger)
      expect([answer.status, answer.body.code]).toEqual([404, 'order_not_found'])
    }
    const link = await world.call('POST', `/v1/orders/${orderId}/tracking-links`, stranger)
    expect(link.body.code).toBe('order_not_found')
    expect((await track(orderId)).status).toBe(401)
    expect((await track(orderId, world.ops)).status).toBe(403)
    expect((await track('x', token)).status).toBe(400)
    const tombstone = newId()
    await expecting(200, release(world, tombstone))
    expect((await track(tombstone, token)).status).toBe(404)
  })

  it('can be shared by a link that expires, shows nothing personal and is kept as a hash', async () => {
    const { orderId, token, customerId } = await placeOrder(world, windowId)
    const answer = await world.call('POST', `/v1/orders/${orderId}/tracking-links`, token)
    expect([answer.status, answer.headers['cache-control']]).toEqual([201, 'no-store'])
    const link = answer.body
    expect(link.url).toBe(`${world.config.publicUrl}/v1/tracking/${link.token}`)
    expect(link.pageUrl).toBe(`${world.config.publicUrl}/track/${link.token}`)

    const shared = await expecting(200, world.call('GET', `/v1/tracking/${link.token}`))
    const {
      orderId: _orderId,
      deliveryCode: _deliveryCode,
      ...own
    } = await expecting(200, track(orderId, token))
    expect(shared).toEqual(own)
    const text = JSON.stringify(shared)
    for (const personal of [orderId, customerId, 'Casey', 'Edgewood', '30307'])
      expect(text).not.toContain(personal)

    const stored = JSON.stringify(
      await world.db.query('select *, token_sha256::text as hash from tracking_links'),
    )
    expect(stored).not.toContain(link.token)
    const before = now
    now = new Date(Date.parse(link.expiresAt) + 1)
    const expired = await world.call('GET', `/v1/tracking/${link.token}`)
    now = before
    expect([expired.status, expired.body.code]).toEqual([404, 'tracking_link_not_found'])
    expect((await world.call('GET', `/v1/tracking/${link.token}x`)).status).toBe(404)
    await world.db.query('update tracking_links set revoked_at = now() where order_id = $1', [orderId])
    expect((await world.call('GET', `/v1/tracking/${link.token}`)).status).toBe(404)
  })

  it('can be revoked by the customer who shared it, and by nobody else', async () => {
    const { orderId, token } = await placeOrder(world, windowId)
    const path = `/v1/orders/${orderId}/tracking-links`
    const [kept, revoked] = [
      await expecting(201, world.call('POST', path, token)),
      await expecting(201, world.call('POST', path, token)),
    ]
    const list = async () => (await expecting(200, world.call('GET', path, token))).items
    expect((await list()).map(({ id }: { id: string }) => id)).toEqual([kept.id, revoked.id])
    expect(JSON.stringify(await list())).not.toContain(kept.token)
    const stranger = world.tokenFor(newId(), 'customer')
    expect((await world.call('GET', path, stranger)).status).toBe(404)
    expect((await world.call('DELETE', `${path}/${revoked.id}`, stranger)).status).toBe(404)
    const other = await placeOrder(world, windowId)
    const elsewhere = `/v1/orders/${other.orderId}/tracking-links/${revoked.id}`
    expect((await world.call('DELETE', elsewhere, other.token)).body.code).toBe('tracking_link_not_found')
    for (const _ of [1, 2]) await expecting(204, world.call('DELETE', `${path}/${revoked.id}`, token))
    expect((await world.call('GET', `/v1/tracking/${revoked.token}`)).status).toBe(404)
    expect((await world.call('GET', `/v1/tracking/${kept.token}`)).status).toBe(200)
    expect((await list()).map(({ id }: { id: string }) => id)).toEqual([kept.id])
  })

  it('gives out at most twenty links for an order', async () => {
    const { orderId, token } = await placeOrder(world, windowId)
    const statuses = []
    for (let index = 0; index < 21; index += 1) {
      statuses.push((await world.call('POST', `/v1/orders/${orderId}/tracking-links`, token, {})).status)
    }
    expect(statuses.filter((status) => status === 201)).toHaveLength(20)
    expect(statuses.at(-1)).toBe(409)
  })
})
