import { newId } from '@urbanbloom/service-kit/ids'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seedCatalog } from '../src/seed.ts'
import { type InventoryUnderTest, newProduct, signToken, startInventory } from './start-inventory.ts'

let inventory: InventoryUnderTest
let seeded: number
beforeAll(async () => {
  inventory = await startInventory()
  seeded = await seedCatalog(inventory.db)
})
afterAll(() => inventory.close())

type Item = Record<string, unknown> & { id: string; name: string; botanicalName: string; priceCents: number }

async function list(query: string): Promise<Item[]> {
  const answer = await inventory.get(`/v1/products?${query}`)
  if (answer.status !== 200) throw new Error(`${query}: ${JSON.stringify(answer.body)}`)
  return answer.body.items
}

/** Follows the cursors to the end; `between` runs after each page. */
async function listAll(query: string, between?: (page: Item[]) => Promise<void>): Promise<Item[]> {
  const all: Item[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const { status, body } = await inventory.get(
      `/v1/products?${query}${cursor === '' ? '' : `&cursor=${cursor}`}`,
    )
    if (status !== 200) throw new Error(JSON.stringify(body))
    all.push(...body.items)
    cursor = body.nextCursor
    await between?.(body.items)
  }
  return all
}

test('seeding again adds nothing and changes nothing', async () => {
  expect(seeded).toBeGreaterThanOrEqual(170)
  const count = () =>
    inventory.db.query(
      `select (select count(*) from products) as products, (select sum(on_hand) from stock_levels) as stock,
         (select count(*) from stock_movements) as movements`,
    )
  const before = await count()
  expect(await seedCatalog(inventory.db)).toBe(0)
  expect(await count()).toEqual(before)
})

describe('a product', () => {
  test('has the shape of the contract', async () => {
    const { id } = await inventory.createProduct({ careNotes: 'Water weekly.', adultHeightCentimeters: 90 })
    const { status, body } = await inventory.get(`/v1/products/${id}`)
    expect(status).toBe(200)
    expect(body).toEqual({
      ...newProduct(),
      sku: body.sku,
      initialQuantity: undefined,
      id,
      currency: 'USD',
      adultHeightCentimeters: 90,
      careNotes: 'Water weekly.',
      inStock: true,
      availableQuantity: 100,
      updatedAt: expect.stringMatching(/Z$/),
    })
  })

  test('carries a strong ETag, and 304 answers whoever has it', async () => {
    const { id } = await inventory.createProduct()
    const first = await inventory.get(`/v1/products/${id}`)
    const etag = first.headers.etag ?? ''
    expect(etag).toMatch(/^"[\w-]+"$/)
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await inventory.get(`/v1/products/${id}`, { 'if-none-match': known })
      expect([again.status, again.body, again.headers.etag]).toEqual([304, '', etag])
    }
    await inventory.change(id, { priceCents: 4_000 })
    const changed = await inventory.get(`/v1/products/${id}`, { 'if-none-match': etag })
    expect([changed.status, changed.body.priceCents]).toEqual([200, 4_000])
    expect(changed.headers.etag).not.toBe(etag)
  })

  test('is found, changed and shown anew by its id in capitals too', async () => {
    const { id } = await inventory.createProduct()
    await inventory.get(`/v1/products/${id}`)
    await inventory.change(id.toUpperCase(), { priceCents: 777 })
    expect((await inventory.get(`/v1/products/${id}`)).body.priceCents).toBe(777)
    expect((await inventory.get(`/v1/products/${id.toUpperCase()}`)).body.id).toBe(id)
  })

  test('that is unknown is 404, and what is no id is 400', async () => {
    const unknown = await inventory.get(`/v1/products/${newId()}`)
    expect([unknown.status, unknown.body.code]).toEqual([404, 'product_not_found'])
    expect((await inventory.get('/v1/products/42')).status).toBe(400)
  })
})

describe('searching', () => {
  test.each([
    ['monstra', 'Monstera deliciosa'],
    ['fiddel leaf', 'Ficus lyrata'],
    ['philodendrn', 'Philodendron hederaceum'],
    ['calatea', 'Goeppertia orbifolia'],
    ['rosmary', 'Salvia rosmarinus'],
    ['lavander', "Lavandula angustifolia 'Munstead'"],
    ['moth orkid', 'Phalaenopsis amabilis'],
    ['photos', 'Epipremnum aureum'],
    ['venus fly trap', 'Dionaea muscipula'],
    ['peace lilly', 'Spathiphyllum wallisii'],
    ['NURNBERG', "Echeveria 'Perle von Nürnberg'"],
    ["bird's nest fern", 'Asplenium nidus'],
    ['monstera-deliciosa-8in', 'Monstera deliciosa'],
  ])('"%s" finds %s', async (search, botanicalName) => {
    const found = await list(`search=${encodeURIComponent(search)}`)
    expect(found.map((item) => item.botanicalName)).toContain(botanicalName)
  })

  test('shows the best first', async () => {
    const found = await list('search=snake%20plant')
    expect(found[0]?.name).toBe('Snake Plant')
    expect((await list('search=boston%20fern'))[0]?.name).toBe('Boston Fern')
  })

  test.each(['xyzzyqwert', '%25', '___', '%27%3B drop table products'])(
    '"%s" finds nothing',
    async (search) => {
      expect(await list(`search=${search}`)).toEqual([])
    },
  )

  test('pages by relevance without repeating or skipping', async () => {
    const paged = await listAll('search=fern&limit=3')
    expect(paged.map(({ id }) => id)).toEqual((await list('search=fern&limit=100')).map(({ id }) => id))
    expect(paged.length).toBeGreaterThan(10)
  })
})

describe('filters', () => {
  test('narrow by category, light, safety and stock, together', async () => {
    const found = await listAll('category=ferns&light=medium&petSafe=true&inStock=true&limit=100')
    expect(found.length).toBeGreaterThan(3)
    for (const item of found) {
      expect(item).toMatchObject({ category: 'ferns', light: 'medium', petSafe: true, inStock: true })
    }
    const unsafe = await listAll('petSafe=false&limit=100')
    expect(unsafe.some(({ name }) => name === 'Easter Lily')).toBe(true)
    expect(unsafe.every(({ petSafe }) => petSafe === false)).toBe(true)
  })

  test('what sells out leaves the list of what is in stock, and comes back', async () => {
    const { id } = await inventory.createProduct({ name: 'Quillwort Marvel', initialQuantity: 1 })
    const inStock = async () => (await list('search=quillwort&inStock=true')).map((item) => item.id)
    expect(await inStock()).toEqual([id])
    await inventory.adjust(id, { delta: -1, reason: 'broken' })
    expect(await inStock()).toEqual([])
    expect((await list('search=quillwort&inStock=false')).map((item) => item.id)).toEqual([id])
    await inventory.adjust(id, { delta: 1, reason: 'found' })
    expect(await inStock()).toEqual([id])
  })

  test.each([
    'category=%3Cb%3E',
    'light=',
    'petSafe=maybe',
    'limit=0',
    'limit=101',
    'sort=age',
    'serch=fern',
  ])('%s is a 400 that names the field', async (query) => {
    const { status, body } = await inventory.get(`/v1/products?${query}`)
    expect([status, body.code]).toEqual([400, 'validation_failed'])
  })
})

describe('cursors', () => {
  const keyOf: Record<string, (item: Item) => string | number> = {
    name: ({ name }) => name,
    price: ({ priceCents }) => priceCents,
    '-price': ({ priceCents }) => -priceCents,
    // Ids ascend in time, so the newest has the greatest.
    newest: ({ id }) => -Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16),
  }

  test.each(['name', 'price', '-price', 'newest'])(
    'sort=%s goes through everything once, in order',
    async (sort) => {
      const items = await listAll(`sort=${sort}&limit=37&category=trees_shrubs`)
      expect(new Set(items.map(({ id }) => id)).size).toBe(items.length)
      expect(items.length).toBe((await list('category=trees_shrubs&limit=100')).length)
      const keys = items.map((item) => keyOf[sort]?.(item) ?? '')
      expect(keys).toEqual(keys.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)))
    },
  )

  test('neither repeat nor skip while other products come and go', async () => {
    const own: string[] = []
    for (const letter of ['b', 'd', 'f', 'h', 'j', 'l']) {
      own.push((await inventory.createProduct({ name: `Cursorwort ${letter}` })).id)
    }
    let turn = 0
    const seen = await listAll('search=cursorwort&sort=name&limit=2', async (page) => {
      turn += 1
      if (turn > 3) return
      // One that sorts before everything, and the last one shown goes.
      await inventory.createProduct({ name: `Cursorwort a${turn}` })
      await inventory.change(page.at(-1)?.id ?? '', { withdrawn: true })
    })
    expect(seen.map(({ id }) => id)).toEqual(own)
  })

  test('newest shows a product first that was just added', async () => {
    const { id } = await inventory.createProduct()
    expect((await list('sort=newest&limit=1'))[0]?.id).toBe(id)
  })

  test('that are not ours, or of another sort, are a 400', async () => {
    const { body } = await inventory.get('/v1/products?sort=name&limit=1')
    const foreign = Buffer.from(JSON.stringify(['price', 'a', newId()])).toString('base64url')
    for (const query of [
      'cursor=nonsense',
      `sort=price&cursor=${body.nextCursor}`,
      `sort=price&cursor=${foreign}`,
    ]) {
      const answer = await inventory.get(`/v1/products?${query}`)
      expect([answer.status, answer.body.code]).toEqual([400, 'cursor_invalid'])
    }
  })
})

describe('ops', () => {
  test('adds a product once: a second one with its SKU is 409', async () => {
    const product = newProduct()
    const create = () => inventory.call('POST', '/v1/products', { token: inventory.ops, body: product })
    const answers = await Promise.all([create(), create(), create()])
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
    const refused = answers.filter(({ status }) => status === 409)
    expect(refused.map(({ body }) => body.code)).toEqual(['sku_taken', 'sku_taken'])
  })

  test('withdraws a product: it vanishes from the list and answers 404, until it is brought back', async () => {
    const { id, name } = await inventory.createProduct({ name: 'Vanishwort' })
    expect(await list('search=vanishwort')).toHaveLength(1)
    const withdrawn = await inventory.change(id, { withdrawn: true })
    expect([withdrawn.status, withdrawn.body.withdrawn]).toEqual([200, true])
    expect(await list('search=vanishwort')).toEqual([])
    expect((await inventory.get(`/v1/products/${id}`)).status).toBe(404)
    await inventory.change(id, { withdrawn: false })
    expect((await inventory.get(`/v1/products/${id}`)).body.name).toBe(name)
  })

  test('changes what is named and nothing else, also at the same time', async () => {
    const { id, sku } = await inventory.createProduct({ careNotes: 'Old.' })
    await Promise.all([
      inventory.change(id, { priceCents: 999 }),
      inventory.change(id, { careNotes: null }),
      inventory.change(id, { petSafe: true }),
    ])
    const { body } = await inventory.get(`/v1/products/${id}`)
    expect(body).toMatchObject({ sku, priceCents: 999, petSafe: true, name: 'Swiss Cheese Plant' })
    expect(body.careNotes).toBeUndefined()
  })

  test.each([
    [{}],
    [{ sku: 'OTHER' }],
    [{ priceCents: 0 }],
    [{ priceCents: '100' }],
    [{ category: '<b>' }],
    [{ colour: 'green' }],
  ])('a change to %j is a 400', async (change) => {
    const { id } = await inventory.createProduct()
    expect((await inventory.change(id, change)).status).toBe(400)
  })

  test('a product that does not exist cannot be changed or counted', async () => {
    expect((await inventory.change(newId(), { priceCents: 1 })).status).toBe(404)
    expect((await inventory.adjust(newId(), { delta: 1, reason: 'found' })).status).toBe(404)
  })

  test('only ops may change the catalog', async () => {
    const post = (token?: string) => inventory.call('POST', '/v1/products', { token, body: newProduct() })
    expect((await post()).status).toBe(401)
    expect((await post(signToken('customer'))).status).toBe(403)
    expect((await post(signToken('driver'))).status).toBe(403)
  })
})

describe('a stock adjustment', () => {
  test('changes what is on hand and answers with the level', async () => {
    const { id } = await inventory.createProduct()
    const { status, body } = await inventory.adjust(id, { delta: 20, reason: 'delivery from the nursery' })
    expect(status).toBe(201)
    expect(body).toMatchObject({ productId: id, delta: 20, onHandQuantity: 120, availableQuantity: 120 })
    expect((await inventory.get(`/v1/products/${id}`)).body.availableQuantity).toBe(120)
  })

  test('never takes what is reserved, and says the numbers', async () => {
    const { id } = await inventory.createProduct({ initialQuantity: 10 })
    await inventory.internal('/reservations', { orderId: newId(), lines: [{ productId: id, quantity: 6 }] })
    const refused = await inventory.adjust(id, { delta: -5, reason: 'frost' })
    expect(refused.status).toBe(409)
    expect(refused.body).toMatchObject({
      code: 'stock_below_reserved',
      onHandQuantity: 10,
      reservedQuantity: 6,
    })
    expect((await inventory.adjust(id, { delta: -4, reason: 'frost' })).status).toBe(201)
    expect(await inventory.level(id)).toEqual({ onHand: 6, reserved: 6 })
  })

  test('with an idempotency key is applied once, and a key is for one adjustment', async () => {
    const { id } = await inventory.createProduct()
    const key = { 'idempotency-key': newId() }
    const body = { delta: 5, reason: 'found' }
    const answers = await Promise.all(Array.from({ length: 8 }, () => inventory.adjust(id, body, key)))
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 201))
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1)
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(7)
    expect(await inventory.level(id)).toEqual({ onHand: 105, reserved: 0 })
    const other = await inventory.adjust(id, { delta: 6, reason: 'found' }, key)
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_key_reused'])
  })

  test.each([
    [{ delta: 0, reason: 'x' }],
    [{ delta: 1.5, reason: 'x' }],
    [{ delta: 1 }],
    [{ delta: 1, reason: ' ' }],
  ])('%j is a 400', async (body) => {
    const { id } = await inventory.createProduct()
    expect((await inventory.adjust(id, body)).status).toBe(400)
  })
})

test('the OpenAPI document describes the public calls and hides the internal ones', async () => {
  const { status, body } = await inventory.get('/openapi.json')
  expect(status).toBe(200)
  expect(Object.keys(body.paths).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
    '/v1/products',
    '/v1/products/{id}',
    '/v1/products/{id}/stock-adjustments',
  ])
  const parameters = body.paths['/v1/products'].get.parameters.map(({ name }: { name: string }) => name)
  expect(parameters).toEqual(
    expect.arrayContaining(['search', 'category', 'light', 'petSafe', 'inStock', 'sort', 'limit', 'cursor']),
  )
})
