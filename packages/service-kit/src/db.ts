import { createHash } from 'node:crypto'
import pg from 'pg'
import type { DatabaseConfig } from './config.ts'
import { createDatabaseExplainer, isPoolExhausted } from './database-failure.ts'
import { createDatabaseOutage, type DatabaseOutage } from './database-outage.ts'
import { measureDatabase } from './db-metrics.ts'
import { invalid, ServiceError, unavailable } from './errors.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { startSpan } from './tracing.ts'

/** The pool and a transaction have this same type, so that every store function works in and out of one. */
export type Db = {
  /** Runs one statement, prepared once for each connection, and gives its rows. */
  query<Row = Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<Row[]>
  /** Runs `work` in a transaction, or in the one that is open already. */
  transaction<T>(work: (tx: Db) => Promise<T>): Promise<T>
}

export type Database = Db & {
  pool: pg.Pool
  /** Whoever uses the pool by itself says here how that went. */
  outage: DatabaseOutage
  /** One sentence about a failure: what is wrong, with which host and user, and what to do. */
  explain(err: unknown): string
  close(): Promise<void>
}

const MAX_WAITING_FACTOR = 20
const DATABASE_UNAVAILABLE = 'database_unavailable'
const MAX_TRANSACTION_TRIES = 3

/** bigint columns hold cents and counters below 2^53; as strings they would poison arithmetic. */
pg.types.setTypeParser(pg.types.builtins.INT8, (text) => {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new Error(`The bigint ${text} does not fit a JavaScript number`)
  return value
})

/**
 * Opens a pool with limits on everything: connecting, waiting for a connection, statements, locks, idle
 * transactions. A database that is away becomes a 503 `database_unavailable`, and the pool reconnects by itself.
 */
export function createDb(
  config: Omit<DatabaseConfig, 'jobTimeoutMs'>,
  options: { log: Log; metrics: Metrics },
): Database {
  const explain = createDatabaseExplainer(config.url)
  const outage = createDatabaseOutage({ log: options.log, explain })
  const pool = openPool(config, outage)
  measureDatabase(pool, config, options.metrics)

  const runOn = createRunOn(options.metrics, outage)
  const connect = async () => {
    if (pool.waitingCount > config.poolSize * MAX_WAITING_FACTOR) {
      throw unavailable('overloaded', 'Too many requests wait for the database; try again shortly')
    }
    return pool.connect().catch((err: Error) => {
      if (!isPoolExhausted(err)) outage.failed(err)
      throw databaseUnavailable(err)
    })
  }
  return {
    pool,
    outage,
    explain,
    async query<Row>(sql: string, values: readonly unknown[] = []) {
      const client = await connect()
      try {
        const rows = await runOn<Row>(client, sql, values)
        client.release()
        return rows
      } catch (err) {
        client.release(isConnectionLost(err))
        return translate(err)
      }
    },
    async transaction(work) {
      for (let attempt = 1; ; attempt += 1) {
        const client = await connect()
        try {
          const result = await inTransaction(client, runOn, work)
          client.release()
          return result
        } catch (err) {
          client.release(isConnectionLost(err))
          if (attempt < MAX_TRANSACTION_TRIES && isRolledBackByConflict(err)) {
            await momentApart(attempt)
            continue
          }
          return translate(err)
        }
      }
    },
    close: () => pool.end(),
  }
}

/** Runs a statement on a connection, prepared once for each, and times and traces it. */
function createRunOn(metrics: Metrics, outage: DatabaseOutage): RunOn {
  const duration = metrics.histogram(
    'db_query_duration_seconds',
    'Time of one statement, waiting for a connection not included',
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
  )
  return async <Row>(client: pg.PoolClient, sql: string, values: readonly unknown[]) => {
    const start = performance.now()
    const span = startSpan(() => operationOf(sql), 'client', {
      attributes: { 'db.system.name': 'postgresql', 'db.query.text': sql },
    })
    try {
      const result = await client.query({ name: statementName(sql), text: sql, values: [...values] })
      outage.answered()
      span?.end()
      return result.rows as Row[]
    } catch (err) {
      span?.end({ failure: err })
      if (isConnectionLost(err)) outage.failed(err)
      throw err
    } finally {
      duration.observe((performance.now() - start) / 1000)
    }
  }
}

/** Every wait has a limit: for a connection, for an answer, for a lock, and for a transaction that idles. */
function openPool(config: Omit<DatabaseConfig, 'jobTimeoutMs'>, outage: DatabaseOutage): pg.Pool {
  const pool = new pg.Pool({
    connectionString: config.url,
    max: config.poolSize,
    ssl: config.ca === undefined ? undefined : { ca: config.ca },
    connectionTimeoutMillis: 3_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 8_000,
    query_timeout: 10_000,
    lock_timeout: 5_000,
    idle_in_transaction_session_timeout: 15_000,
    keepAlive: true,
  })
  pool.on('error', (err) => outage.failed(err))
  pool.on('connect', (client) => client.on('error', (err) => outage.failed(err)))
  return pool
}

/** A few random milliseconds, so that two transactions do not meet in the same way again. */
function momentApart(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * attempt))
}

type RunOn = <Row>(client: pg.PoolClient, sql: string, values: readonly unknown[]) => Promise<Row[]>

async function inTransaction<T>(
  client: pg.PoolClient,
  runOn: RunOn,
  work: (tx: Db) => Promise<T>,
): Promise<T> {
  let finished = false
  const tx: Db = {
    query: (sql, values = []) => {
      if (finished) throw new Error('A statement was sent on a transaction that has ended')
      return runOn(client, sql, values)
    },
    transaction: (inner) => inner(tx),
  }
  await client.query('begin')
  try {
    const result = await work(tx)
    finished = true
    await client.query('commit')
    return result
  } catch (err) {
    finished = true
    // Where the connection is gone the server rolls back by itself.
    await client.query('rollback').catch(() => undefined)
    throw err
  }
}

/** `select`, `insert`, `with`: the first word, which is all that a span's name needs. */
function operationOf(sql: string): string {
  return /^\s*(\w+)/.exec(sql)?.[1]?.toLowerCase() ?? 'statement'
}

const names = new Map<string, string>()

/** Statements are constants of the code, so the number of names is bounded by the code. */
function statementName(sql: string): string {
  let name = names.get(sql)
  if (name === undefined) {
    name = createHash('sha1').update(sql).digest('base64url')
    names.set(sql, name)
  }
  return name
}

/** SQLSTATE classes: 08 connection, 53 resources, 57P admin shutdown and start-up, 57014 statement timeout, 55P03 lock timeout. */
const unavailableStates = /^(08|53|57P|57014|55P03)/
const lostConnection =
  /Connection terminated|connection timeout|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE|ENOTFOUND|EAI_AGAIN/

/** Whether the database is away or overloaded, as opposed to a statement that is wrong. */
export function isDatabaseUnavailable(err: unknown): boolean {
  if (!(err instanceof Error)) return false
  if (err instanceof ServiceError) return err.code === DATABASE_UNAVAILABLE
  const { code } = err as { code?: string }
  return (code !== undefined && unavailableStates.test(code)) || isConnectionLost(err)
}

/** SQLSTATEs with which a connection is refused: who asks, for which database, and how many there are already. */
const refusedConnection = /^(28|3D|53300)/

/**
 * Whether `err` says that no connection can be had or that one broke. The log says so once, for whatever fails of it;
 * a slow statement or a pool that is used up is not that.
 */
export function isDatabaseAway(err: unknown): boolean {
  const cause = err instanceof ServiceError && err.code === DATABASE_UNAVAILABLE ? err.cause : err
  if (!(cause instanceof Error) || isPoolExhausted(cause)) return false
  return isConnectionLost(cause) || refusedConnection.test((cause as { code?: string }).code ?? '')
}

function isConnectionLost(err: unknown): boolean {
  if (!(err instanceof Error)) return false
  const { code } = err as { code?: string }
  return lostConnection.test(err.message) || /^(57P|08)/.test(code ?? '') || lostConnection.test(code ?? '')
}

/** Serialization failure and deadlock: the server has rolled back, so the work may run again. */
function isRolledBackByConflict(err: unknown): boolean {
  return err instanceof Error && ['40001', '40P01'].includes((err as { code?: string }).code ?? '')
}

/** Whether `err` says that a unique or exclusion constraint refused a row; by name where one is given. */
export function violates(err: unknown, constraint?: string): boolean {
  if (!(err instanceof pg.DatabaseError)) return false
  const refused = ['23505', '23P01', '23514', '23503'].includes(err.code ?? '')
  return refused && (constraint === undefined || err.constraint === constraint)
}

/** What Postgres answers to a text with the character U+0000, which JSON can carry and no column can hold. */
const TEXT_NOT_STORABLE = '22021'

function translate(err: unknown): never {
  if (err instanceof pg.DatabaseError && err.code === TEXT_NOT_STORABLE) {
    throw invalid('text_not_storable', 'A text contains the character U+0000; send it without', {
      cause: err,
    })
  }
  if (isDatabaseUnavailable(err)) throw databaseUnavailable(err)
  throw err
}

function databaseUnavailable(cause: unknown): ServiceError {
  if (cause instanceof ServiceError) return cause
  return unavailable(DATABASE_UNAVAILABLE, 'The database does not answer; try again shortly', { cause })
}
