import { randomBytes } from 'node:crypto'
import { newId } from '@urbanbloom/service-kit/ids'
import pg from 'pg'
import type { Attempt } from './closed-loop.ts'
import type { Statement, Transaction } from './record-statements.ts'

/** As many connections as a service opens. */
const POOL_SIZE = 10

/** UUIDs, and the provider's ids such as `pi_3Nx…`. */
const idPattern = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\b(?:pi|ch|evt|re)_[0-9A-Za-z]+/g

type Piece = { literal: string } | { id: string }
type PreparedStatement = { name: string; text: string; values: (readonly Piece[] | null)[] }

/**
 * Sends recorded transactions again and again, each time with fresh ids: raw SQL from a bare `pg` client, nothing
 * around it. What ran side by side in the services runs one after the other here.
 * @param options.kept ids that stay what they are, such as the customer's.
 * @param options.choices ids to be replaced by another of the same kind, so that all products and windows take part.
 */
export function createReplay(options: {
  transactions: readonly Transaction[]
  urlOf: (role: string) => string
  kept: ReadonlySet<string>
  choices: readonly (readonly string[])[]
}) {
  const { kept, choices } = options
  const roles = [...new Set(options.transactions.map(({ role }) => role))]
  const pools = new Map(
    roles.map((role) => [role, new pg.Pool({ connectionString: options.urlOf(role), max: POOL_SIZE })]),
  )
  for (const pool of pools.values()) pool.on('error', () => undefined)
  const transactions = options.transactions.map(({ role, statements }) => ({
    pool: pools.get(role) as pg.Pool,
    statements: statements.map(prepare),
  }))
  let turn = 0

  const attempt: Attempt = async () => {
    const fresh = freshIds({ kept, choices, shift: ++turn })
    for (const { pool, statements } of transactions) {
      const client = await pool.connect()
      try {
        if (statements.length > 1) await client.query('begin')
        for (const { name, text, values } of statements) {
          await client.query({ name, text, values: values.map((pieces) => fill(pieces, fresh)) })
        }
        if (statements.length > 1) await client.query('commit')
        client.release()
      } catch (err) {
        client.release(true)
        throw err
      }
    }
    return undefined
  }
  return { attempt, close: () => Promise.all([...pools.values()].map((pool) => pool.end())) }
}

/** Cut into pieces once, so that a turn only joins strings. */
function prepare({ text, values }: Statement, index: number): PreparedStatement {
  return { name: `${index} ${text.length} ${text.slice(0, 30)}`.slice(0, 60), text, values: values.map(cut) }
}

function cut(value: string | null): Piece[] | null {
  if (value === null) return null
  const pieces: Piece[] = []
  let end = 0
  for (const { 0: id, index } of value.matchAll(idPattern)) {
    pieces.push({ literal: value.slice(end, index) }, { id })
    end = index + id.length
  }
  return [...pieces, { literal: value.slice(end) }]
}

function fill(pieces: readonly Piece[] | null, fresh: (id: string) => string): string | null {
  if (pieces === null) return null
  return pieces.map((piece) => ('id' in piece ? fresh(piece.id) : piece.literal)).join('')
}

/** The ids of one turn: each recorded one has one counterpart. */
function freshIds(options: {
  kept: ReadonlySet<string>
  choices: readonly (readonly string[])[]
  shift: number
}): (id: string) => string {
  const { kept, choices, shift } = options
  const made = new Map<string, string>()
  return (id) => {
    if (kept.has(id)) return id
    let counterpart = made.get(id)
    if (counterpart === undefined) {
      const kind = choices.find((ids) => ids.includes(id))
      counterpart =
        kind === undefined ? freshLike(id) : (kind[(kind.indexOf(id) + shift) % kind.length] ?? id)
      made.set(id, counterpart)
    }
    return counterpart
  }
}

function freshLike(id: string): string {
  const underscore = id.indexOf('_')
  return underscore < 0 ? newId() : `${id.slice(0, underscore)}_${randomBytes(12).toString('hex')}`
}
