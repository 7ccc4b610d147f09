import { invalid } from '@urbanbloom/service-kit/errors'
import * as z from 'zod'

const id = z.uuid()

/** The id after which a page begins; null for the first. Lists are in the order of their ids, which ascend in time. */
export function readCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null
  const after = id.safeParse(Buffer.from(cursor, 'base64url').toString('utf8'))
  if (!after.success) {
    throw invalid('cursor_invalid', 'The cursor is not one that this list gave; leave it out to begin anew')
  }
  return after.data
}

/** A page from one row more than `limit`, which tells whether there is a next one. */
export function toPage<Item extends { id: string }>(rows: Item[], limit: number) {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  const nextCursor =
    rows.length > limit && last !== undefined ? Buffer.from(last.id).toString('base64url') : null
  return { items, nextCursor }
}
