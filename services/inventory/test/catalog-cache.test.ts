import { newId } from '@urbanbloom/service-kit/ids'
import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import { createRedis } from '@urbanbloom/service-kit/redis'
import { testRedisUrl } from '@urbanbloom/test-kit/test-database'
import { startRedis } from '@urbanbloom/test-kit/test-servers'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createLeasedCache } from '../src/leased-cache.ts'
import { createStockPageRepair, forgetProductJob } from '../src/repair-pages.ts'
import { startInventory } from './start-inventory.ts'

let inventory: Awaited<ReturnType<typeof startInventory>>
let redisUrl: string
beforeAll(async () => {
  redisUrl = await testRedisUrl()
  inventory = await startInventory({ redisUrl })
})
afterAll(() => inventory.close())

function connectRedis() {
  const redis = createRedis(redisUrl, { log: createLog('test', 'silent'), metrics: createMetrics('test') })
  onTestFinished(() => redis.close())
  return redis
}

/** A cache as another process has it: the same Redis, flights of its own. */
async function otherProcess() {
  const redis = connectRedis()
  await waitFor(() => redis.attempt((client) => client.ping()), { describe: 'Redis answers' })
  return createLeasedCache({ redis, metrics: { read: () => undefined } })
}

const reads = (outcome: string, cache = 'product') =>
  inventory.metric(`cache_reads_total{cache="${cache}",outcome="${outcome}"}`)

/** Changes a product behind the service's back, so that only a cache can still give the old name. */
const rename = (id: string, name: string) =>
  inventory.db.query('update products set name = $2 where id = $1', [id, name])

/** A product whose job to forget its pages has run, so that nothing forgets them any more. */
async function settledProduct(changes: Record<string, unknown> = {}) {
  const product = await inventory.createProduct(changes)
  await waitFor(async () => (await jobsOf(product.id)).length === 0, { describe: 'the job has run' })
  return product
}

const jobsOf = (id: string) =>
  inventory.db.query('select 1 from inventory_jobs.jobs where key = $1', [`forget_product:${id}`])

describe('a product page', () => {
  test('comes from the cache the second time, byte for byte', async () => {
    const { id } = await settledProduct()
    const first = await inventory.get(`/v1/products/${id}`)
    await rename(id, 'Changed behind our back')
    const hits = await reads('hit')
    const second = await inventory.get(`/v1/products/${id}`)
    expect([second.body, second.headers.etag]).toEqual([first.body, first.headers.etag])
    expect(await reads('hit')).toBe(hits + 1)
  })

  test('of an unknown id is remembered as unknown', async () => {
    const id = newId()
    expect((await inventory.get(`/v1/products/${id}`)).status).toBe(404)
    const hits = await reads('hit')
    expect((await inventory.get(`/v1/products/${id}`)).status).toBe(404)
    expect(await reads('hit')).toBe(hits + 1)
  })

  test('follows reservations and releases within a second', async () => {
    const { id } = await inventory.createProduct({ initialQuantity: 3 })
    const available = async () => (await inventory.get(`/v1/products/${id}`)).body.availableQuantity
    expect(await available()).toBe(3)
    const orderId = newId()
    await inventory.internal('/reservations', { orderId, lines: [{ productId: id, quantity: 2 }] })
    await waitFor(async () => (await available()) === 1, { describe: 'the page shows 1', timeoutMs: 1_000 })
    await inventory.internal(`/reservations/${orderId}/release`, {})
    await waitFor(async () => (await available()) === 3, { describe: 'the page shows 3', timeoutMs: 1_000 })
  })

  test('is repaired when the process that moved the stock died before it could tell', async () => {
    const { id } = await settledProduct({ initialQuantity: 3 })
    await inventory.get(`/v1/products/${id}`)
    await inventory.db.query(
      'update stock_levels set reserved = 1, changed_at = now() where product_id = $1',
      [id],
    )
    expect((await inventory.get(`/v1/products/${id}`)).body.availableQuantity).toBe(3)
    await createStockPageRepair(inventory.ctx)()
    expect((await inventory.get(`/v1/products/${id}`)).body.availableQuantity).toBe(2)
  })

  test('is forgotten by a job as well, in case the process died after the commit', async () => {
    const { id } = await settledProduct()
    await inventory.get(`/v1/products/${id}`)
    await inventory.db.transaction(async (tx) => {
      await tx.query('update products set name = $2 where id = $1', [id, 'Changed, then died'])
      await forgetProductJob(tx, inventory.ctx.jobs, id)
    })
    const page = await waitFor(
      async () => {
        const { body } = await inventory.get(`/v1/products/${id}`)
        return body.name !== 'Swiss Cheese Plant' && body
      },
      { describe: 'the page shows the change' },
    )
    expect(page.name).toBe('Changed, then died')
  })
})

describe('a list page', () => {
  test('comes from the cache, and every change of a product makes it new', async () => {
    const { id } = await settledProduct({ name: 'Listwort' })
    const names = async () =>
      (await inventory.get('/v1/products?search=listwort')).body.items.map(
        (item: { name: string }) => item.name,
      )
    expect(await names()).toEqual(['Listwort'])
    await rename(id, 'Listwort behind our back')
    expect(await names()).toEqual(['Listwort'])
    expect(await reads('hit', 'product_list')).toBeGreaterThan(0)
    await inventory.change(id, { name: 'Listwort renamed' })
    expect(await names()).toEqual(['Listwort renamed'])
  })
})

describe('the leased cache', () => {
  const keep = (text: string) => async () => ({ text, keepMs: 60_000 })

  test('does not let a slow reader install what it read before a change', async () => {
    const [reader, writer] = [await otherProcess(), await otherProcess()]
    const key = newId()
    const { promise: old, resolve: finishRead } = Promise.withResolvers<string>()
    const began = Promise.withResolvers<void>()
    const slow = reader.read('product', key, async () => {
      began.resolve()
      return { text: await old, keepMs: 60_000 }
    })
    await began.promise
    await writer.forget([key])
    finishRead('old')
    expect(await slow).toBe('old')
    expect(await writer.read('product', key, keep('new'))).toBe('new')
    expect(await reader.read('product', key, keep('newer'))).toBe('new')
  })

  test('does not let it either when another reader has begun since', async () => {
    const [slowProcess, quickProcess, third] = [
      await otherProcess(),
      await otherProcess(),
      await otherProcess(),
    ]
    const key = newId()
    const { promise: old, resolve: finishRead } = Promise.withResolvers<string>()
    const began = Promise.withResolvers<void>()
    const slow = slowProcess.read('product', key, async () => {
      began.resolve()
      return { text: await old, keepMs: 60_000 }
    })
    await began.promise
    await quickProcess.forget([key])
    const quick = quickProcess.read('product', key, async () => {
      finishRead('old')
      await slow
      expect(await third.read('product', key, keep('read afresh'))).toBe('read afresh')
      return { text: 'new', keepMs: 60_000 }
    })
    expect(await quick).toBe('new')
    expect(await slowProcess.read('product', key, keep('newer'))).toBe('new')
  })

  test('loads once for all who ask at the same time', async () => {
    const cache = await otherProcess()
    let loads = 0
    const key = newId()
    const load = async () => {
      loads += 1
      return { text: 'once', keepMs: 60_000 }
    }
    const texts = await Promise.all(Array.from({ length: 50 }, () => cache.read('product', key, load)))
    expect(new Set(texts)).toEqual(new Set(['once']))
    expect(loads).toBe(1)
  })

  test('lets no one join a load that began before a change', async () => {
    const cache = await otherProcess()
    const key = newId()
    const { promise: old, resolve: finishRead } = Promise.withResolvers<string>()
    const began = Promise.withResolvers<void>()
    const slow = cache.read('product', key, async () => {
      began.resolve()
      return { text: await old, keepMs: 60_000 }
    })
    await began.promise
    await cache.forget([key])
    expect(await cache.read('product', key, keep('new'))).toBe('new')
    finishRead('old')
    await slow
    expect(await cache.read('product', key, keep('newer'))).toBe('new')
  })

  test('forgets a failed load: the next one tries again', async () => {
    const cache = await otherProcess()
    const key = newId()
    const fail = () => Promise.reject(new Error('the database is away'))
    await expect(cache.read('product', key, fail)).rejects.toThrow('away')
    expect(await cache.read('product', key, keep('there'))).toBe('there')
  })

  test('ends entries early or late by up to a fifth', async () => {
    const [cache, redis] = [await otherProcess(), connectRedis()]
    const keys = Array.from({ length: 30 }, () => newId())
    for (const key of keys) await cache.read('product', key, keep('text'))
    const lives = await Promise.all(keys.map((key) => redis.client.pttl(key)))
    expect(Math.min(...lives)).toBeGreaterThan(47_000)
    expect(Math.max(...lives)).toBeLessThanOrEqual(72_000)
    expect(Math.max(...lives) - Math.min(...lives)).toBeGreaterThan(5_000)
  })
})

test('without Redis everything works, and it recovers by itself', async () => {
  const redis = await startRedis()
  onTestFinished(() => redis.close())
  const shop = await startInventory({ redisUrl: redis.url })
  onTestFinished(() => shop.close())
  const { id } = await shop.createProduct({ name: 'Cached', initialQuantity: 5 })
  expect((await shop.get(`/v1/products/${id}`)).body.name).toBe('Cached')

  await redis.stop()
  expect((await shop.change(id, { name: 'Changed without Redis' })).status).toBe(200)
  expect((await shop.get(`/v1/products/${id}`)).body.name).toBe('Changed without Redis')
  expect((await shop.get('/v1/products?search=changed')).body.items).toHaveLength(1)
  const lines = [{ productId: id, quantity: 2 }]
  expect((await shop.internal('/reservations', { orderId: newId(), lines })).status).toBe(200)
  expect((await shop.get(`/v1/products/${id}`)).body.availableQuantity).toBe(3)
  expect((await shop.call('GET', '/readyz')).status).toBe(200)

  await redis.start()
  const hits = () => shop.metric('cache_reads_total{cache="product",outcome="hit"}')
  const before = await hits()
  await waitFor(
    async () => {
      expect((await shop.get(`/v1/products/${id}`)).body.availableQuantity).toBe(3)
      return (await hits()) > before
    },
    { describe: 'pages come from Redis again' },
  )
})
