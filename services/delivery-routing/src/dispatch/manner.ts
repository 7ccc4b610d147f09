import { invalid } from '@urbanbloom/service-kit/errors'
import * as z from 'zod'

/** The version of the route that a person has seen; without one the change is made to whatever it is now. */
export const Version = z
  .int()
  .min(1)
  .optional()
  .describe('The version of the route that was seen; another one is 409 `route_changed`')

/** Of a change that takes stops from another route. */
export const FromVersion = z
  .int()
  .min(1)
  .optional()
  .describe(
    'The version of the route that gives the stops as it was seen; another one is 409 `route_changed`',
  )

export const Force = z
  .boolean()
  .optional()
  .describe('Do it also where it cannot be; the stops are shown as late')

/** The same as an entity tag (RFC 9110, 13.1.1), as `GET /v1/dispatch/routes/{id}` answers it. */
export const VersionHeader = z.looseObject({ 'if-match': z.string().max(100).optional() })

/** The version in the body or in the header; both must agree where both are there. */
export function seenVersion(
  headers: { 'if-match'?: string | undefined },
  body: { version?: number | undefined },
): number | undefined {
  const given = headers['if-match']?.trim()
  if (given === undefined || given === '*') return body.version
  const [, digits] = /^"(\d{1,9})"$/.exec(given) ?? []
  if (digits === undefined)
    throw invalid('if_match_invalid', `If-Match must be a version such as "3", not ${given}`)
  const version = Number(digits)
  if (body.version !== undefined && body.version !== version) {
    throw invalid('if_match_invalid', `If-Match says version ${version}, the body ${body.version}`)
  }
  return version
}
