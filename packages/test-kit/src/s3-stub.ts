import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const CLOCK_SKEW_MAX_MS = 15 * 60_000

export type S3Stub = Awaited<ReturnType<typeof startS3Stub>>
type Keys = { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
type Kept = { body: Buffer; contentType: string }
type Answer = { status: number; body?: Buffer | string; contentType?: string }

/**
 * A server that keeps objects in memory behind S3's REST API, by path, and refuses a request whose signature, body
 * hash, date or session token is wrong.
 */
export async function startS3Stub(options: { keys: Keys; region?: string }) {
  const { keys, region = 'us-east-1' } = options
  const objects = new Map<string, Kept>()
  const requests: { method: string; path: string; headers: IncomingHttpHeaders }[] = []
  /** What the next requests answer instead, one each; `hang` never answers. */
  const failures: (number | 'hang' | 'cut')[] = []

  const answer = async (request: IncomingMessage): Promise<Answer | 'hang' | 'cut'> => {
    const { method = '', url = '', headers } = request
    const body = await readBody(request)
    requests.push({ method, path: url, headers })
    const failure = failures.shift()
    if (typeof failure === 'number') return problem(failure, 'SlowDown')
    if (failure !== undefined) return failure
    const refusal = refusalOf({ method, path: url, headers, body }, { keys, region })
    if (refusal !== null) return problem(403, refusal)
    if (method === 'PUT') {
      objects.set(url, { body, contentType: headers['content-type'] ?? 'binary/octet-stream' })
      return { status: 200 }
    }
    if (method === 'DELETE') {
      objects.delete(url)
      return { status: 204 }
    }
    const kept = objects.get(url)
    return kept === undefined ? problem(404, 'NoSuchKey') : { status: 200, ...kept }
  }
  const server = createServer((request, response) => {
    void answer(request).then((given) => send(given, request, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    requests,
    failures,
    async close(): Promise<void> {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function send(given: Answer | 'hang' | 'cut', request: IncomingMessage, response: ServerResponse): void {
  if (given === 'hang') return
  if (given === 'cut') return void request.socket.destroy()
  response.writeHead(given.status, { 'content-type': given.contentType ?? 'application/xml' })
  response.end(given.body)
}

type Signed = { method: string; path: string; headers: IncomingHttpHeaders; body: Buffer }

/** S3's code for what is wrong with a request, or null. */
function refusalOf(request: Signed, { keys, region }: { keys: Keys; region: string }): string | null {
  const { headers, body } = request
  const authorization = headers.authorization ?? ''
  const parts =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/.exec(
      authorization,
    )
  const date = String(headers['x-amz-date'] ?? '')
  if (parts === null || !/^\d{8}T\d{6}Z$/.test(date)) return 'AccessDenied'
  const [, accessKeyId, scope, names = '', signature = ''] = parts
  if (accessKeyId !== keys.accessKeyId) return 'InvalidAccessKeyId'
  if (keys.sessionToken !== undefined && headers['x-amz-security-token'] !== keys.sessionToken)
    return 'InvalidToken'
  if (scope !== `${date.slice(0, 8)}/${region}/s3/aws4_request`) return 'AuthorizationHeaderMalformed'
  const at = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (Math.abs(Date.now() - at) > CLOCK_SKEW_MAX_MS) return 'RequestTimeTooSkewed'
  if (headers['x-amz-content-sha256'] !== sha256(body)) return 'XAmzContentSHA256Mismatch'
  const signedHeaders = names.split(';')
  for (const must of ['host', 'x-amz-content-sha256', 'x-amz-date']) {
    if (!signedHeaders.includes(must)) return 'AccessDenied'
  }
  const expected = signatureOf({ ...request, signedHeaders, date, region }, keys.secretAccessKey)
  return timingSafeEqual(Buffer.from(expected), Buffer.from(signature)) ? null : 'SignatureDoesNotMatch'
}

/**
 * Signature Version 4 of a request without a query, written from the specification and not from the client's library.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export function signatureOf(
  request: {
    method: string
    path: string
    headers: IncomingHttpHeaders
    signedHeaders: readonly string[]
    date: string
    region: string
  },
  secretAccessKey: string,
): string {
  const { method, path, headers, signedHeaders, date, region } = request
  const canonical = [
    method,
    path,
    '',
    ...signedHeaders.map(
      (name) =>
        `${name}:${String(headers[name] ?? '')
          .trim()
          .replace(/ +/g, ' ')}`,
    ),
    '',
    signedHeaders.join(';'),
    headers['x-amz-content-sha256'],
  ].join('\n')
  const day = date.slice(0, 8)
  const text = ['AWS4-HMAC-SHA256', date, `${day}/${region}/s3/aws4_request`, sha256(canonical)].join('\n')
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(
    (previous, part) => hmac(previous, part),
    `AWS4${secretAccessKey}`,
  )
  return hmac(key, text).toString('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

function problem(status: number, code: string): Answer {
  return { status, body: `<?xml version="1.0"?><Error><Code>${code}</Code></Error>` }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
