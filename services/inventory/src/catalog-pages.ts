import { createHash } from 'node:crypto'
import type { Db } from '@urbanbloom/service-kit/db'
import { newId } from '@urbanbloom/service-kit/ids'
import type { RedisConnection } from '@urbanbloom/service-kit/redis'
import type { InventoryMetrics } from './inventory-metrics.ts'
import { createLeasedCache } from './leased-cache.ts'
import { listProducts, type ProductQuery } from './list-products.ts'
import { findProduct } from './product-store.ts'

/** A body as it goes over the wire, with its strong validator. */
export type Page = { etag: string; body: string }

export type CatalogPages = ReturnType<typeof createCatalogPages>

const UNKNOWN_KEEP_MS = 10_000
const VERSION_KEY = 'inventory:catalog-version'
/** Longer than any list page lives, so that a version never comes back while pages under it are left. */
const VERSION_KEEP_MS = 24 * 3_600_000

/**
 * The catalog's pages as cached texts. A product's page is forgotten at every change of the product or of its
 * stock. List pages carry a catalog version in their key, which changes with every product and when something
 * sells out or comes back; other quantities on a list may lag by `listCacheMs` and its jitter.
 */
export function createCatalogPages(options: {
  db: Db
  redis: Pick<RedisConnection, 'attempt'>
  metrics: InventoryMetrics
  productCacheMs: number
  listCacheMs: number
}) {
  const { db, redis } = options
  const cache = createLeasedCache(options)
  const dirty = new Set<string>()
  let flushing: Promise<void> | undefined

  async function catalogVersion(): Promise<string> {
    const known = await redis.attempt((client) => client.get(VERSION_KEY))
    if (typeof known === 'string') return known
    const fresh = newId()
    if (known === null)
      await redis.attempt((client) => client.set(VERSION_KEY, fresh, 'PX', VERSION_KEEP_MS, 'NX'))
    // Where another process was faster the pages of this read are found by nobody, which harms nobody.
    return fresh
  }

  async function bumpCatalog(): Promise<boolean> {
    const done = await redis.attempt((client) => client.set(VERSION_KEY, newId(), 'PX', VERSION_KEEP_MS))
    return done !== undefined
  }

  async function flush(): Promise<void> {
    while (dirty.size > 0) {
      const keys = [...dirty].map(productKey)
      dirty.clear()
      await cache.forget(keys)
    }
  }

  return {
    /** The page of a product on sale, or null. */
    async product(id: string): Promise<Page | null> {
      const text = await cache.read('product', productKey(id), async () => {
        const product = await findProduct(db, id)
        if (product === null) return { text: '', keepMs: UNKNOWN_KEEP_MS }
        return { text: toText(product), keepMs: options.productCacheMs }
      })
      return text === '' ? null : toPage(text)
    },

    async list(query: ProductQuery): Promise<Page> {
      const key = `inventory:list:${await catalogVersion()}:${digest(JSON.stringify(query))}`
      const text = await cache.read('product_list', key, async () => ({
        text: toText(await listProducts(db, query)),
        keepMs: options.listCacheMs,
      }))
      return toPage(text)
    },

    /**
     * After a product was changed and committed.
     * @returns whether Redis has forgotten the old pages; if not, somebody has to try again.
     */
    async forgetProduct(id: string): Promise<boolean> {
      const done = await Promise.all([cache.forget([productKey(id)]), bumpCatalog()])
      return done.every(Boolean)
    },

    /** The same for changes that were found afterwards. */
    forgetProducts: (ids: readonly string[]) => cache.forget(ids.map(productKey)),

    /**
     * After stock was moved and committed. It does not wait: pages follow within milliseconds, and what gets
     * lost on the way is repaired by `repairStockPages`. Many changes at once become few commands.
     */
    stockMoved(moved: readonly { productId: string; soldOutOrBack: boolean }[]): void {
      for (const { productId } of moved) dirty.add(productId)
      if (moved.some(({ soldOutOrBack }) => soldOutOrBack)) void bumpCatalog()
      flushing ??= flush().finally(() => (flushing = undefined))
    },

    /** Ends once everything is forgotten that `stockMoved` was told of. */
    async settle(): Promise<void> {
      await flushing
    },
  }
}

function productKey(id: string): string {
  return `inventory:product:${id}`
}

/** The validator and the body in one text: cached, they need no further work. */
function toText(body: unknown): string {
  const json = JSON.stringify(body)
  return `"${digest(json)}"\n${json}`
}

function toPage(text: string): Page {
  const end = text.indexOf('\n')
  return { etag: text.slice(0, end), body: text.slice(end + 1) }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 27)
}
