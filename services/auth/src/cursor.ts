import { invalid } from '@urbanbloom/service-kit/errors'
import * as z from 'zod'

/**
 * Cuts a page out of rows that were read newest first with one more than `limit`. The cursor is the last id shown:
 * ids ascend in time, so the next page is what is older.
 */
export function pageOf<Row extends { id: string }>(rows: Row[], limit: number) {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  const hasMore = rows.length > limit && last !== undefined
  return { items, nextCursor: hasMore ? Buffer.from(last.id).toString('base64url') : null }
}

/** @throws 400 `cursor_invalid` for anything that `pageOf` did not make. */
export function readCursor(cursor: string | undefined): string | null {
  if (cursor === undefined) return null
  const id = z.uuid().safeParse(Buffer.from(cursor, 'base64url').toString('utf8'))
  if (!id.success) throw invalid('cursor_invalid', 'The cursor is not one that a page of this list gave')
  return id.data
}
