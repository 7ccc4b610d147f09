import { type Pool, request } from 'undici'
import type { Attempt } from './closed-loop.ts'

/** A kind of request to the catalog: the `turn`-th path, its headers, and the status that it must have. */
export type CatalogRequest = {
  title: string
  status: number
  pathOf: (turn: number) => string
  headersOf?: (turn: number) => Record<string, string>
}

export type CatalogEntry = { id: string; name: string; etag: string }

/** Typos come in more kinds than these, but each of these happens on every keyboard. */
const typos = [
  (word: string, at: number) => word.slice(0, at) + word.slice(at + 1),
  (word: string, at: number) =>
    word.slice(0, at) + (word[at + 1] ?? '') + (word[at] ?? '') + word.slice(at + 2),
  (word: string, at: number) => word.slice(0, at) + (word[at] ?? '') + word.slice(at),
]

/** What is measured, in its order: the last kind needs `uncachedIds`, which nobody has asked for. */
export function catalogRequests(
  entries: readonly CatalogEntry[],
  uncachedIds: readonly string[],
): CatalogRequest[] {
  const entry = (turn: number): CatalogEntry => {
    const found = entries[turn % entries.length]
    if (found === undefined) throw new Error('The catalog is empty')
    return found
  }
  return [
    { title: 'product page, cached', status: 200, pathOf: (turn) => `/v1/products/${entry(turn).id}` },
    {
      title: 'product page, 304',
      status: 304,
      pathOf: (turn) => `/v1/products/${entry(turn).id}`,
      headersOf: (turn) => ({ 'if-none-match': entry(turn).etag }),
    },
    {
      title: 'list of 20, cached',
      status: 200,
      pathOf: (turn) =>
        `/v1/products?limit=20&petSafe=${turn % 2 === 0}&sort=${turn % 3 === 0 ? 'price' : 'name'}`,
    },
    {
      title: 'search with a typo, each another',
      status: 200,
      pathOf: (turn) =>
        `/v1/products?limit=20&search=${encodeURIComponent(misspell(entry(turn).name, turn))}`,
    },
    {
      title: 'product page, not cached',
      status: 200,
      pathOf: (turn) => {
        const id = uncachedIds[turn]
        if (id === undefined) throw new Error(`Only ${uncachedIds.length} products were made to be read once`)
        return `/v1/products/${id}`
      },
    },
  ]
}

/** Requests of one kind; turns go on from level to level, so that nothing is asked for twice by accident. */
export function createAttempts(pool: Pool, { status, pathOf, headersOf }: CatalogRequest): Attempt {
  let turn = 0
  return async () => {
    const own = turn++
    const answer = await pool.request({ method: 'GET', path: pathOf(own), headers: headersOf?.(own) })
    const text = await answer.body.text()
    return answer.statusCode === status ? undefined : `${answer.statusCode} ${text.slice(0, 200)}`
  }
}

/** The catalog as a visitor finds it, with the validators of its pages. */
export async function readCatalog(gatewayUrl: string, limit: number): Promise<CatalogEntry[]> {
  const list = await request(`${gatewayUrl}/v1/products?limit=${limit}`)
  const { items } = (await list.body.json()) as { items: { id: string; name: string }[] }
  const entries: CatalogEntry[] = []
  for (const { id, name } of items) {
    const page = await request(`${gatewayUrl}/v1/products/${id}`)
    await page.body.dump()
    entries.push({ id, name, etag: String(page.headers.etag) })
  }
  return entries
}

function misspell(name: string, turn: number): string {
  const word = name.toLowerCase()
  const typo = typos[turn % typos.length] ?? ((text: string) => text)
  // The first letters are seldom wrong.
  return typo(word, 2 + (Math.floor(turn / typos.length) % Math.max(1, word.length - 3)))
}
