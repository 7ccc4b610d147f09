import type { App } from './server.ts'

/** What one upload may weigh: a photo of a phone, made smaller before it is sent. */
export const UPLOAD_LIMIT_BYTES = 3 * 1024 * 1024

/**
 * Takes bodies of the given content types as bytes, on the routes of `app` and not on others: register it in a plugin
 * of its own. The content type is what the client says; look at the bytes.
 */
export function acceptBytes(app: App, contentTypes: readonly string[]): void {
  app.addContentTypeParser(
    [...contentTypes],
    { parseAs: 'buffer', bodyLimit: UPLOAD_LIMIT_BYTES },
    (_request, body, done) => done(null, body),
  )
}
