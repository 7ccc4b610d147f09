import { request } from 'undici'

const TIMEOUT_MS = 15_000

/** Calls to the running system, each of which must succeed. */
export type ApiClient = ReturnType<typeof createApiClient>

/** A client of one base URL; `token` is a person's, or the services' own for paths under `/internal`. */
export function createApiClient(baseUrl: string, options: { token?: string; signal?: AbortSignal } = {}) {
  const send = async <Body>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Body> => {
    const answer = await request(`${baseUrl}${path}`, {
      method,
      headers: {
        ...(options.token !== undefined && { authorization: `Bearer ${options.token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      signal: options.signal,
    })
    const text = await answer.body.text()
    if (answer.statusCode >= 300) throw new Error(`${method} ${path} answered ${answer.statusCode}: ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as Body
  }
  return {
    get: <Body>(path: string) => send<Body>('GET', path),
    post: <Body>(path: string, body: unknown) => send<Body>('POST', path, body),
    /** Every item of a list, page by page. */
    async list<Item>(path: string): Promise<Item[]> {
      const items: Item[] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page: { items: Item[]; nextCursor: string | null } = await send(
          'GET',
          `${path}${path.includes('?') ? '&' : '?'}limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`,
        )
        items.push(...page.items)
        cursor = page.nextCursor
      }
      return items
    },
  }
}
