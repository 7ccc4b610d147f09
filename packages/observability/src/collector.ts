import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export type CollectedSpan = {
  service: string
  name: string
  kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer'
  traceId: string
  spanId: string
  parentSpanId: string
  hasFailed: boolean
  attributes: Readonly<Record<string, string | number>>
}

type Value = { stringValue?: string; intValue?: number | string; doubleValue?: number }
type Attribute = { key: string; value: Value }
type Export = {
  resourceSpans: {
    resource: { attributes: Attribute[] }
    scopeSpans: {
      spans: {
        name: string
        kind: number
        traceId: string
        spanId: string
        parentSpanId?: string
        status?: { code?: number }
        attributes: Attribute[]
      }[]
    }[]
  }[]
}

const kinds = ['internal', 'internal', 'server', 'client', 'producer', 'consumer'] as const
const BODY_LIMIT_BYTES = 16 * 1024 * 1024
const FAILED = 2

/** A collector that takes OTLP over HTTP in JSON, and keeps what came. */
export async function startCollector() {
  const spans: CollectedSpan[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > BODY_LIMIT_BYTES) request.destroy()
      else chunks.push(chunk)
    })
    request.on('end', () => {
      spans.push(...read(JSON.parse(Buffer.concat(chunks).toString('utf8'))))
      response.setHeader('content-type', 'application/json')
      response.end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function read({ resourceSpans }: Export): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(toRecord(resource.attributes)['service.name'])
    return scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        service,
        name: span.name,
        kind: kinds[span.kind] ?? 'internal',
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        hasFailed: span.status?.code === FAILED,
        attributes: toRecord(span.attributes),
      })),
    )
  })
}

function toRecord(attributes: readonly Attribute[]): Record<string, string | number> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? Number(value.intValue ?? value.doubleValue ?? 0),
    ]),
  )
}
