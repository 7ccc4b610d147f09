import { invalid } from './errors.ts'
import type { App } from './server.ts'

/** The escapes of U+0000 and of surrogates: only they can bring in a text that Postgres does not store. */
const SUSPICIOUS_ESCAPE = /\\u(?:0000|d[89a-f])/i

/**
 * Parses JSON bodies. A POST that needs no body may carry the content type and nothing else. A text with U+0000 or
 * with half a surrogate pair, which JSON can carry and no column can hold, is a 400.
 */
export function acceptJson(app: App): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = body as string
    if (text === '') return done(null, undefined)
    void parse(request, text, (err: Error | null, value?: unknown) => {
      if (err === null && SUSPICIOUS_ESCAPE.test(text) && holdsUnstorableText(value)) {
        const detail = 'A text holds the character U+0000 or half a surrogate pair; send it without'
        return done(invalid('text_not_storable', detail))
      }
      return done(err, value)
    })
    return undefined
  })
}

function holdsUnstorableText(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('\0') || !value.isWellFormed()
  if (value === null || typeof value !== 'object') return false
  return Object.entries(value).some(
    ([name, member]) => holdsUnstorableText(name) || holdsUnstorableText(member),
  )
}
