import { createHash } from 'node:crypto'
import type { Log } from '@urbanbloom/service-kit/log'
import { mergeDocuments, type OpenApiDocument } from './openapi-merge.ts'
import type { UpstreamName } from './routing-table.ts'
import type { Upstream } from './upstream.ts'

const FRESH_MS = 60_000
/** A document that lacks a service is asked for again soon, because it is there again soon. */
const FRESH_INCOMPLETE_MS = 5_000
const FETCH_TIMEOUT_MS = 2_000
const SIZE_LIMIT_BYTES = 5_000_000

type Assembled = { text: string; etag: string; freshUntil: number }

/**
 * The one document of all public calls, put together from what the services say of themselves. A service that is
 * away is described by what it said last.
 */
export function createOpenApi(options: {
  upstreams: Readonly<Partial<Record<UpstreamName, Upstream>>>
  log: Log
  freshMs?: number
  freshIncompleteMs?: number
}) {
  const { freshMs: freshWholeMs = FRESH_MS, freshIncompleteMs = FRESH_INCOMPLETE_MS } = options
  const lastGood = new Map<UpstreamName, OpenApiDocument>()
  let assembled: Assembled | undefined
  let assembling: Promise<Assembled> | undefined

  async function assemble(): Promise<Assembled> {
    const upstreams = Object.entries(options.upstreams) as [UpstreamName, Upstream][]
    const fetched = await Promise.all(
      upstreams.map(async ([name, upstream]) => {
        try {
          lastGood.set(name, await fetchDocument(upstream))
          return true
        } catch (err) {
          options.log.warn(
            { err, upstream: name, isKnown: lastGood.has(name) },
            'no OpenAPI document from a service',
          )
          return false
        }
      }),
    )
    const known = upstreams.flatMap(([name]) => {
      const document = lastGood.get(name)
      return document === undefined ? [] : [{ name, document }]
    })
    const text = JSON.stringify(mergeDocuments(known))
    const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`
    const freshMs = fetched.every(Boolean) ? freshWholeMs : freshIncompleteMs
    return { text, etag, freshUntil: performance.now() + freshMs }
  }

  return {
    async document(): Promise<{ text: string; etag: string }> {
      if (assembled !== undefined && assembled.freshUntil > performance.now()) return assembled
      assembling ??= assemble().finally(() => (assembling = undefined))
      assembled = await assembling
      return assembled
    },
  }
}

async function fetchDocument(upstream: Upstream): Promise<OpenApiDocument> {
  const replica = upstream.next([])
  if (replica === null) throw new Error(`${upstream.name} cannot be reached`)
  const { statusCode, body } = await replica.requests.request({
    method: 'GET',
    path: '/openapi.json',
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
  })
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += (chunk as Buffer).length
    if (bytes > SIZE_LIMIT_BYTES) throw new Error(`${upstream.name} sent more than ${SIZE_LIMIT_BYTES} bytes`)
    chunks.push(chunk as Buffer)
  }
  const document = JSON.parse(Buffer.concat(chunks).toString('utf8')) as OpenApiDocument
  if (statusCode !== 200 || typeof document.paths !== 'object') {
    throw new Error(`${upstream.name} answered ${statusCode} without an OpenAPI document`)
  }
  return document
}
