import { ApiException } from '@kubernetes/client-node'
import { reasonOf } from '@urbanbloom/local/failure'

/** What the API, or the way to it, says went wrong; without a full stop. */
export function sentenceOf(err: unknown): string {
  if (err instanceof ApiException) {
    const told = messageIn(err.body)
    return `it answered ${err.code}${told === '' ? '' : ` (${told})`}`
  }
  if (err instanceof Error && (err.name === 'TimeoutError' || err.name === 'AbortError')) {
    return 'no answer came within 10 s'
  }
  // fetch says only "fetch failed"; its cause says why.
  if (err instanceof Error && err.cause !== undefined) return sentenceOf(err.cause)
  return reasonOf(err)
}

/** The status code of an answer of the API; undefined when none came. */
export function statusOf(err: unknown): number | undefined {
  return err instanceof ApiException ? err.code : undefined
}

function messageIn(body: unknown): string {
  const parsed = typeof body === 'string' ? parse(body) : body
  if (typeof parsed === 'object' && parsed !== null && 'message' in parsed) return String(parsed.message)
  return typeof body === 'string' ? body.slice(0, 200).trim() : ''
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
