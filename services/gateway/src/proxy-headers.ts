import type { FastifyRequest } from 'fastify'

/** Headers of one connection, which end here (RFC 9110, 7.6.1). */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** What only the gateway may say to a service, and what undici says by itself. */
const notFromClients = new Set([
  ...hopByHop,
  'content-length',
  'expect',
  'forwarded',
  'host',
  'traceparent',
  'x-real-ip',
  'x-request-id',
  'x-request-timeout-ms',
])

const notToClients = new Set([...hopByHop, 'server', 'x-powered-by', 'x-request-id'])

/** The headers for the service, as undici's flat list of names and values. */
export function headersForService(request: FastifyRequest, timeoutMs: number): string[] {
  const { rawHeaders } = request.raw
  const named = namedByConnection(request.headers.connection)
  const headers: string[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase() ?? ''
    if (notFromClients.has(name) || isOurs(name) || named?.has(name)) continue
    headers.push(name, rawHeaders[i + 1] ?? '')
  }
  const { requestId, traceparent } = request.identity
  headers.push(
    'x-request-id',
    requestId,
    'traceparent',
    traceparent,
    'x-request-timeout-ms',
    String(timeoutMs),
    'x-forwarded-for',
    forwardedFor(request),
    'x-forwarded-proto',
    request.protocol,
  )
  if (request.host !== '') headers.push('x-forwarded-host', request.host)
  return headers
}

type Headers = Record<string, number | string | string[] | undefined>

/** The service's headers for the client, with the gateway's own, which win, except that `Vary` is joined. */
export function headersForClient(fromService: Headers, own: Headers): Headers {
  const named = namedByConnection(fromService.connection as string | undefined)
  const headers: Headers = {}
  for (const name in fromService) {
    if (notToClients.has(name) || name.startsWith('x-internal-') || named?.has(name)) continue
    headers[name] = fromService[name]
  }
  const vary = headers.vary
  Object.assign(headers, own)
  if (vary !== undefined && own.vary !== undefined) headers.vary = `${String(vary)}, ${String(own.vary)}`
  return headers
}

function isOurs(name: string): boolean {
  return name.charCodeAt(0) === 120 && (name.startsWith('x-internal-') || name.startsWith('x-forwarded-'))
}

function namedByConnection(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()))
}

/** The client and the proxies of ours behind it, nearest last. `ips` is there only where proxies are trusted. */
function forwardedFor(request: FastifyRequest): string {
  return request.ips === undefined ? request.ip : request.ips.toReversed().join(', ')
}
