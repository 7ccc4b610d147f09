import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { invalid } from './errors.ts'

const keyPattern = /^[\x21-\x7e]{1,255}$/

/**
 * The `Idempotency-Key` header (IETF draft-ietf-httpapi-idempotency-key-header), with or without the draft's
 * quotes, or null when absent.
 */
export function optionalIdempotencyKey(request: FastifyRequest): string | null {
  const header = request.headers['idempotency-key']
  if (header === undefined || header === '') return null
  const key = String(header).replace(/^"(.*)"$/, '$1')
  if (!keyPattern.test(key)) {
    throw invalid('idempotency_key_invalid', 'The Idempotency-Key must be 1 to 255 visible ASCII characters')
  }
  return key
}

/** The same, where the key is required: absent is 400 `idempotency_key_missing`. */
export function requiredIdempotencyKey(request: FastifyRequest): string {
  const key = optionalIdempotencyKey(request)
  if (key === null) {
    throw invalid(
      'idempotency_key_missing',
      'Send an Idempotency-Key header: a value of your own, new for each purchase',
    )
  }
  return key
}

/** A fingerprint of a JSON body that does not depend on the order of its members. */
export function fingerprint(body: unknown): string {
  return createHash('sha256').update(canonical(body)).digest('base64url')
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`
  }
  return JSON.stringify(value)
}
