import { createHash } from 'node:crypto'
import { AwsV4Signer } from 'aws4fetch'
import { type Dispatcher, request } from 'undici'
import type { Credentials } from './aws-credentials.ts'
import { tooLarge } from './object-store.ts'

export type Answer = { status: number; contentType: string; body: Buffer }

type Call = {
  method: 'GET' | 'PUT' | 'DELETE'
  body: { bytes: Uint8Array; type: string } | undefined
  credentials: Credentials
  signal: AbortSignal
  maxBytes: number
}

/** Enough of an error document to say what was wrong. */
const PROBLEM_BYTES_MAX = 2_000

/**
 * Sends one request, signed with Signature Version 4 over all of it, the body included.
 * @throws ServiceError `object_too_large` for an object above `maxBytes`; undici's errors; the signal's reason.
 */
export async function sendOnce(
  target: { url: string; region: string; dispatcher: Dispatcher },
  { method, body, credentials, signal, maxBytes }: Call,
): Promise<Answer> {
  const bytes = body?.bytes ?? new Uint8Array()
  const signer = new AwsV4Signer({
    ...(await credentials.current(signal)),
    service: 's3',
    region: target.region,
    method,
    url: target.url,
    headers: {
      'x-amz-content-sha256': createHash('sha256').update(bytes).digest('hex'),
      ...(body === undefined ? {} : { 'content-type': body.type }),
    },
    // The content type is part of what is signed, so nobody on the way can change it.
    allHeaders: true,
  })
  const { url, headers } = await signer.sign()
  const response = await request(url, {
    method,
    headers: Object.fromEntries(headers),
    body: body === undefined ? null : bytes,
    dispatcher: target.dispatcher,
    signal,
  })
  const isObject = response.statusCode === 200
  const text = await readAtMost(response.body, isObject ? maxBytes : PROBLEM_BYTES_MAX)
  if (text === null && isObject) throw tooLarge(maxBytes)
  return {
    status: response.statusCode,
    contentType: String(response.headers['content-type'] ?? 'application/octet-stream'),
    body: text ?? Buffer.alloc(0),
  }
}

/** Null where there is more; the connection is given up then. */
async function readAtMost(body: Dispatcher.ResponseData['body'], limit: number): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length
    // Leaving the loop destroys the stream.
    if (length > limit) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
