import { join } from 'node:path'
import pg from 'pg'
import { type Child, deathOf, startChild } from './child.ts'
import { retryUntil } from './deadline.ts'
import { prepareCluster } from './postgres-cluster.ts'

const READY_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 5_000
const CONNECT_LIMIT_MS = 2_000

export type PostgresServer = { child: Child; adminUrl: string }

/**
 * Starts the embedded Postgres on `folder/data`, which it makes when it is missing, and waits until it answers.
 * `settings` are Postgres's own, by name.
 */
export async function startPostgresServer(options: {
  folder: string
  port: number
  password: string
  logFile: string
  settings?: Readonly<Record<string, string | number>>
  signal?: AbortSignal | undefined
}): Promise<PostgresServer> {
  const cluster = await prepareCluster(options.folder, options.password)
  const settings = {
    port: options.port,
    listen_addresses: '127.0.0.1',
    // TCP only: a socket file would need a folder that two checkouts can share.
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...options.settings,
  }
  const child = await startChild({
    name: 'postgres',
    command: join(cluster.binFolder, 'postgres'),
    args: [
      '-D',
      cluster.dataFolder,
      ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
    ],
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    cwd: options.folder,
    logFile: options.logFile,
    stopSignal: 'SIGINT',
    ...cluster.user,
  })
  const adminUrl = postgresUrl({
    user: 'postgres',
    password: options.password,
    port: options.port,
    database: 'postgres',
  })
  try {
    await waitForPostgres(adminUrl, READY_LIMIT_MS, { child, signal: options.signal })
  } catch (err) {
    await child.stop(STOP_LIMIT_MS)
    throw err
  }
  return { child, adminUrl }
}

/** Waits until the server behind `url` runs a statement; at once an error when `child`, its process, has ended. */
export async function waitForPostgres(
  url: string,
  limitMs: number,
  options: { child?: Child; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  await retryUntil(() => runStatement(url, 'select 1'), {
    limitMs,
    describe: 'Postgres does not start',
    gaveUp: () => deathOf(options.child),
    signal: options.signal,
  })
}

/** Runs one statement on a connection of its own. */
export async function runStatement(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_LIMIT_MS })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<Record<string, unknown>>(sql)
    return rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** A URL of a database on this machine. */
export function postgresUrl(parts: {
  user: string
  password: string
  port: number
  database: string
}): string {
  const { user, password, port, database } = parts
  return `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`
}

/** The same server and user with another database, or the same database with another user. */
export function withUrlParts(
  url: string,
  parts: { user?: string; password?: string; database?: string },
): string {
  const changed = new URL(url)
  if (parts.user !== undefined) changed.username = encodeURIComponent(parts.user)
  if (parts.password !== undefined) changed.password = encodeURIComponent(parts.password)
  if (parts.database !== undefined) changed.pathname = `/${encodeURIComponent(parts.database)}`
  return changed.href
}
