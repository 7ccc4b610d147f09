import type { Db } from '@urbanbloom/service-kit/db'

const MIN_LENGTH = 3
/** Up to this length one mistake is forgiven, above it two. */
const SHORT_LENGTH = 4
const MAX_VOCABULARY = 20_000

/**
 * Replaces each word that matches no product by the nearest word of the catalog, if one is near. Trigrams forgive
 * most mistakes in long words; this is for the rest, such as "photos" for "pothos".
 */
export async function correctSpelling(db: Db, words: readonly string[]): Promise<string[]> {
  const unmatched = await db.query<{ word: string }>(
    `select w.word from unnest($1::text[]) as w (word)
     where length(w.word) >= $2 and not exists (select from products_matching(array[w.word]))`,
    [words, MIN_LENGTH],
  )
  if (unmatched.length === 0) return [...words]
  const vocabulary = await db.query<{ word: string }>(
    `select w.word
     from products p, regexp_split_to_table(lower(p.name || ' ' || p.botanical_name), '[^[:alnum:]]+') as w (word)
     where p.withdrawn_at is null and length(w.word) >= $1
     group by w.word
     order by count(*) desc, w.word
     limit $2`,
    [MIN_LENGTH, MAX_VOCABULARY],
  )
  const known = vocabulary.map(({ word }) => word)
  const wrong = new Set(unmatched.map(({ word }) => word))
  return words.map((word) => (wrong.has(word) ? (nearest(word, known) ?? word) : word))
}

/** The nearest of the words, the first among equals; undefined where none is near enough. */
export function nearest(word: string, vocabulary: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = (word.length <= SHORT_LENGTH ? 1 : 2) + 1
  for (const candidate of vocabulary) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue
    const distance = editDistance(word, candidate)
    if (distance >= bestDistance) continue
    best = candidate
    bestDistance = distance
  }
  return best
}

/** Letters added, left out, replaced or swapped with their neighbour (optimal string alignment). */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const isEqual = a[row - 1] === b[column - 1]
      let cost = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (isEqual ? 0 : 1),
      )
      const isSwapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (isSwapped) cost = Math.min(cost, at(beforeLast, column - 2) + 1)
      current.push(cost)
    }
    beforeLast = last
    last = current
  }
  return at(last, b.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY
}
