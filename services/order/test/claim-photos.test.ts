import { newId } from '@urbanbloom/service-kit/ids'
import { request } from '@urbanbloom/test-kit/http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { forgetOldClaimPhotos, PHOTOS_PER_CLAIM } from '../src/claim-photos.ts'
import { type OrderUnderTest, startOrder } from './start-order.ts'

let order: OrderUnderTest
beforeAll(async () => {
  order = await startOrder()
})
afterAll(() => order.close())

const png = (text: string) =>
  Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), Buffer.from(text)])

async function claimed() {
  const orderId = await order.confirmed()
  const deliveredAt = '2030-05-01T15:00:00.000Z'
  await order.tell('delivery.delivered', { orderId, sequence: 1, deliveredAt })
  const { body } = await order.claim(orderId)
  return { orderId, claimId: body.id as string, path: `/v1/orders/${orderId}/claims/${body.id}/photos` }
}

async function upload(path: string, bytes: Buffer, { token = order.token, type = 'image/png' } = {}) {
  const response = await fetch(order.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': type },
    body: new Uint8Array(bytes),
  })
  return { status: response.status, body: (await response.json()) as any }
}
const download = async (path: string, token: string) => {
  const response = await fetch(order.url + path, { headers: { authorization: `Bearer ${token}` } })
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    bytes: Buffer.from(await response.arrayBuffer()),
  }
}

test('a customer adds photos to a claim; they and ops see them, and nobody else does', async () => {
  const { orderId, claimId, path } = await claimed()
  const photo = png('broken leaves')
  const first = await upload(path, photo)
  expect(first).toMatchObject({ status: 201, body: { contentType: 'image/png', sizeBytes: photo.length } })
  expect((await upload(path, photo)).body.id).toBe(first.body.id)
  const own = await request('GET', `${order.url}/v1/orders/${orderId}/claims`, { token: order.token })
  expect(own.body.items[0].uploads).toEqual([first.body])

  for (const [where, token] of [
    [`${path}/${first.body.id}`, order.token],
    [`/v1/claims/${claimId}/photos/${first.body.id}`, order.ops],
  ] as const) {
    expect(await download(where, token)).toEqual({ status: 200, type: 'image/png', bytes: photo })
  }
  const stranger = order.peers.tokenFor({ id: newId(), role: 'customer' })
  expect((await download(`${path}/${first.body.id}`, stranger)).status).toBe(404)
  expect((await upload(path, png('theirs'), { token: stranger })).body.code).toBe('claim_not_found')
  expect((await download(`/v1/claims/${claimId}/photos/${first.body.id}`, order.token)).status).toBe(403)
  const other = await claimed()
  expect((await download(`${other.path}/${first.body.id}`, order.token)).status).toBe(404)
  const mixed = `/v1/orders/${other.orderId}/claims/${claimId}/photos`
  expect((await upload(mixed, png('mixed'))).body.code).toBe('claim_not_found')
})

test('what is no picture, too large, too many or too late is refused', async () => {
  const { claimId, path } = await claimed()
  expect((await upload(path, Buffer.from('<svg onload="alert(1)">'))).body.code).toBe('image_expected')
  expect((await upload(path, png('x'), { type: 'text/html' })).status).toBe(415)
  expect((await upload(path, png('x'.repeat(4 * 1024 * 1024)))).status).toBe(413)
  const answers = await Promise.all(
    Array.from({ length: PHOTOS_PER_CLAIM }, (_, index) => upload(path, png(String(index)))),
  )
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201))
  expect((await upload(path, png('one more'))).body.code).toBe('too_many_claim_photos')
  await order.resolve(claimId, { action: 'reject' })
  expect((await upload(path, png('late'))).body.code).toBe('claim_already_resolved')
})

test('an upload that broke off can be sent again, and is forgotten after a day', async () => {
  const { path } = await claimed()
  const { body } = await upload(path, png('half'))
  await order.ctx.db.query('update claim_photos set stored_at = null where id = $1', [body.id])
  expect((await download(`${path}/${body.id}`, order.token)).status).toBe(404)
  expect((await upload(path, png('half'))).body.id).toBe(body.id)
  expect((await download(`${path}/${body.id}`, order.token)).status).toBe(200)
  await order.ctx.db.query(
    `update claim_photos set stored_at = null, created_at = now() - interval '2 days' where id = $1`,
    [body.id],
  )
  await forgetOldClaimPhotos(order.ctx)
  expect(await order.ctx.db.query('select id from claim_photos where id = $1', [body.id])).toEqual([])
})
