import type { Db } from '@urbanbloom/service-kit/db'
import { invalid } from '@urbanbloom/service-kit/errors'
import * as z from 'zod'
import type { Product } from './catalog.ts'
import { correctSpelling } from './correct-spelling.ts'
import { type ProductRow, productColumns, toProduct } from './product.ts'

export const sorts = ['name', 'price', '-price', 'newest'] as const
export type Sort = (typeof sorts)[number]

export type ProductQuery = {
  search?: string | undefined
  category?: string | undefined
  light?: string | undefined
  petSafe?: boolean | undefined
  inStock?: boolean | undefined
  sort?: Sort | undefined
  limit: number
  cursor?: string | undefined
}

export type ProductPage = { items: Product[]; nextCursor: string | null }

type Order = Sort | 'relevance'
type ListedRow = ProductRow & { key: string | number }

const MAX_WORDS = 8

/**
 * One page of the products on sale. The cursor holds the place of the last item in the order (keyset), so that
 * pages neither repeat nor skip what stays while other products come and go.
 */
export async function listProducts(db: Db, query: ProductQuery): Promise<ProductPage> {
  const asked = query.search === undefined ? null : wordsOf(query.search)
  if (asked?.length === 0) return { items: [], nextCursor: null }
  const words = asked === null ? null : await correctSpelling(db, asked)
  const order: Order = query.sort ?? (words === null ? 'name' : 'relevance')
  const after = query.cursor === undefined ? null : readCursor(query.cursor, order)
  const rows = await db.query<ListedRow>(statements[order], [
    query.category ?? null,
    query.light ?? null,
    query.petSafe ?? null,
    query.inStock ?? null,
    words,
    words?.join(' ') ?? '',
    after?.key ?? null,
    after?.id ?? null,
    query.limit + 1,
  ])
  const page = rows.slice(0, query.limit)
  const last = rows.length > query.limit ? page.at(-1) : undefined
  return {
    items: page.map(toProduct),
    nextCursor: last === undefined ? null : writeCursor(order, last),
  }
}

/** The letters and digits of a search; single letters (the "s" of "bird's") only where there is nothing else. */
function wordsOf(search: string): string[] {
  const words = [...new Set(search.toLowerCase().match(/[\p{L}\p{N}]+/gu))]
  const long = words.filter((word) => word.length > 1)
  return (long.length > 0 ? long : words).slice(0, MAX_WORDS)
}

/** How well the whole search fits: in the text at all, and the shorter the name the better. */
const relevance = `round((word_similarity($6, p.search_text) + similarity($6, lower(p.name)))::numeric, 5)::float8`

const statements: Record<Order, string> = {
  name: listSql({ key: 'p.name', type: 'text', direction: 'asc' }),
  price: listSql({ key: 'p.price_cents', type: 'bigint', direction: 'asc' }),
  '-price': listSql({ key: 'p.price_cents', type: 'bigint', direction: 'desc' }),
  // Ids are UUIDv7, so they ascend in time.
  newest: listSql({ key: `''::text`, type: 'text', direction: 'desc' }),
  relevance: listSql({ key: relevance, type: 'float8', direction: 'desc' }),
}

function listSql({ key, type, direction }: { key: string; type: string; direction: 'asc' | 'desc' }): string {
  const beyond = direction === 'asc' ? '>' : '<'
  return `
    select ${productColumns}, ${key} as key
    from products p join stock_levels s on s.product_id = p.id
    where p.withdrawn_at is null
      and ($1::text is null or p.category = $1)
      and ($2::text is null or p.light = $2)
      and ($3::boolean is null or p.pet_safe = $3)
      and ($4::boolean is null or (s.on_hand > s.reserved) = $4)
      and ($5::text[] is null or p.id in (select product_id from products_matching($5)))
      and ($6::text is not null)
      and ($8::uuid is null or (${key}, p.id) ${beyond} ($7::${type}, $8))
    order by ${key} ${direction}, p.id ${direction}
    limit $9`
}

const Cursor = z.tuple([
  z.enum([...sorts, 'relevance']),
  z.union([z.string().max(200), z.number()]),
  z.uuid(),
])

function writeCursor(order: Order, last: ListedRow): string {
  return Buffer.from(JSON.stringify([order, last.key, last.id])).toString('base64url')
}

function readCursor(cursor: string, order: Order): { key: string | number; id: string } {
  const parsed = Cursor.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString('utf8')))
  const isOfThisOrder = parsed.success && parsed.data[0] === order && fitsOrder(order, parsed.data[1])
  if (!isOfThisOrder) {
    throw invalid(
      'cursor_invalid',
      'The cursor is not one that this list has answered with the same `sort`; begin again without it',
    )
  }
  const [, key, id] = parsed.data
  return { key, id }
}

function fitsOrder(order: Order, key: string | number): boolean {
  if (order === 'price' || order === '-price') return Number.isSafeInteger(key)
  return typeof key === (order === 'relevance' ? 'number' : 'string')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
