import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { noSuch } from './stripe-failure.ts'
import type { Charge, PaymentIntent, Refund, StripeEvent } from './stripe-objects.ts'

export type Kinds = { payment_intent: PaymentIntent; charge: Charge; refund: Refund; event: StripeEvent }
export type Kind = keyof Kinds

export type ListFilter = {
  limit: number
  createdFrom?: number
  createdTo?: number
  startingAfter?: string
  endingBefore?: string
  /** Values that members of the object must have, by JSON path such as `$.metadata."order_id"`. */
  equals?: Record<string, string>
}

export type SandboxStore = ReturnType<typeof openStore>

const SCHEMA = `
  create table if not exists objects (
    seq integer primary key autoincrement, id text not null unique, kind text not null,
    created integer not null, body text not null
  ) strict;
  create index if not exists objects_kind on objects (kind, seq);
  create table if not exists answers (
    key text primary key, fingerprint text not null, state text not null, status integer, body text
  ) strict;
  create table if not exists settlements (
    intent_id text primary key, idempotency_key text, due_ms integer not null
  ) strict;
  create table if not exists deliveries (
    seq integer primary key autoincrement, event_id text not null, tries integer not null, due_ms integer not null
  ) strict;
`

/** Opens the journal: a SQLite file in `dataDir`, or memory when that is null. All calls are synchronous. */
export function openStore(dataDir: string | null) {
  if (dataDir !== null) mkdirSync(dataDir, { recursive: true })
  const db = new DatabaseSync(dataDir === null ? ':memory:' : join(dataDir, 'payment-sandbox.sqlite'))
  // WAL with `normal` survives the death of the process; the death of the machine may cost the last writes.
  db.exec('pragma journal_mode = wal; pragma synchronous = normal; pragma busy_timeout = 2000')
  db.exec(SCHEMA)
  return {
    db,
    transaction: <T>(work: () => T) => transaction(db, work),
    ...objectCalls(db),
    close: () => db.close(),
  }
}

function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('begin immediate')
  try {
    const result = work()
    db.exec('commit')
    return result
  } catch (error) {
    db.exec('rollback')
    throw error
  }
}

function objectCalls(db: DatabaseSync) {
  const insert = db.prepare('insert into objects (id, kind, created, body) values (?, ?, ?, ?)')
  const update = db.prepare('update objects set body = ? where id = ?')
  const select = db.prepare('select body from objects where kind = ? and id = ?')

  function find<K extends Kind>(kind: K, id: string): Kinds[K] | null {
    const row = select.get(kind, id)
    if (!row) return null
    const object: Kinds[K] = JSON.parse(String(row.body))
    return object
  }
  return {
    insert(object: Kinds[Kind]): void {
      insert.run(object.id, object.object, object.created, JSON.stringify(object))
    },
    update(object: Kinds[Kind]): void {
      update.run(JSON.stringify(object), object.id)
    },
    find,
    get<K extends Kind>(kind: K, id: string): Kinds[K] {
      const object = find(kind, id)
      if (object === null) throw noSuch(kind, id)
      return object
    },
    list: <K extends Kind>(kind: K, filter: ListFilter) => listObjects(db, kind, filter),
  }
}

/** Newest first, as Stripe lists; `ending_before` walks back towards newer objects. */
function listObjects<K extends Kind>(db: DatabaseSync, kind: K, filter: ListFilter) {
  const where = ['kind = ?']
  const values: (string | number)[] = [kind]
  const add = (condition: string, ...more: (string | number)[]) => {
    where.push(condition)
    values.push(...more)
  }
  if (filter.createdFrom !== undefined) add('created >= ?', filter.createdFrom)
  if (filter.createdTo !== undefined) add('created <= ?', filter.createdTo)
  if (filter.startingAfter !== undefined)
    add('seq < (select seq from objects where id = ?)', filter.startingAfter)
  if (filter.endingBefore !== undefined)
    add('seq > (select seq from objects where id = ?)', filter.endingBefore)
  for (const [path, value] of Object.entries(filter.equals ?? {})) {
    add('json_extract(body, ?) = ?', path, value)
  }
  const order = filter.endingBefore === undefined ? 'desc' : 'asc'
  const rows = db
    .prepare(`select body from objects where ${where.join(' and ')} order by seq ${order} limit ?`)
    .all(...values, filter.limit + 1)
  const page: Kinds[K][] = rows.slice(0, filter.limit).map((row) => JSON.parse(String(row.body)))
  if (order === 'asc') page.reverse()
  return { data: page, hasMore: rows.length > filter.limit }
}
