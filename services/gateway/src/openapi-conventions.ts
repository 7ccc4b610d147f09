import { Problem } from '@urbanbloom/contracts/problem'
import * as z from 'zod'

/** What is true of every call. It opens the reference pages. */
export const conventions = `
The one entrance for customers, drivers, the ops team and other programs.

- **JSON** in and out, \`camelCase\`. Money is an integer in cents beside its \`currency\`. Times are RFC 3339 in UTC.
  Ids are UUIDv7 strings. Quantities carry their unit in the name (\`weightGrams\`). An unknown field in a body is
  refused with 400.
- **Errors** are \`application/problem+json\` (RFC 9457) with a stable \`code\`, a \`requestId\`, and \`errors[]\` when
  single fields are wrong. Switch on \`code\`; \`detail\` is for people and may change.
- **Authentication**: \`Authorization: Bearer <access token>\`, signed with a key at \`/.well-known/jwks.json\`. Roles
  are \`customer\`, \`driver\` and \`ops\`.
- **Lists** are pages: \`{ "items": [...], "nextCursor": string | null }\`, asked for with \`?limit=\` (1 to 100) and
  \`?cursor=\`.
- **Idempotency**: a \`POST\` that makes money, stock or orders takes an \`Idempotency-Key\`. The same key with the same
  body gives the first answer again, with \`Idempotency-Replayed: true\`; with another body it is 422
  \`idempotency_key_reused\`; while the first is still at work, 409 \`idempotency_in_progress\`.
- **Limits**: 256 KiB for a body, 16 KiB for all headers, 8,000 characters for a URL. Too many requests are 429
  \`rate_limited\` with \`Retry-After\`; the \`RateLimit\` headers say beforehand how many are left. An overload is 503
  with \`Retry-After\`. Nothing is left without an answer: after 10 s (checkout 15 s) it is 504.
- **Tracing**: \`traceparent\` (W3C) and \`X-Request-Id\` are passed on; every answer carries \`X-Request-Id\`.
- **Caching**: where an answer carries \`ETag\`, send it as \`If-None-Match\` and get 304 while nothing changed.
`.trim()

/** Without the registry of names, so that the schema stands by itself and not behind a reference. */
const { $schema: _, ...schema } = z.toJSONSchema(Problem, { metadata: z.registry() })

export const problemSchema = schema

const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
const retryAfter = { 'Retry-After': { description: 'Seconds to wait', schema: { type: 'integer' } } }

export const sharedResponses = {
  Problem: { description: 'What went wrong', content },
  RateLimited: { description: 'Too many requests in a minute', headers: retryAfter, content },
  Unavailable: { description: 'Overloaded or not available; try again', headers: retryAfter, content },
}
