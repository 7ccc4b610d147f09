/** A server that a test may stop and start again. Its port stays the same, so clients can find it again. */
export type ServerHandle = {
  /** Takes it away; what it holds on disk stays. */
  stop(): Promise<void>
  /** Brings it back and waits until it answers. */
  start(): Promise<void>
  restart(): Promise<void>
  /** Ends it for good and leaves nothing behind. */
  close(): Promise<void>
}

/** `adminUrl` is the administrator's, with the database `postgres`. */
export type PostgresHandle = ServerHandle & { readonly adminUrl: string }

export type RedisHandle = ServerHandle & { readonly url: string }

/** One way to have servers: containers, or programs of this machine. */
export type ServerProvider = {
  startPostgres(): Promise<PostgresHandle>
  startRedis(): Promise<RedisHandle>
}

/** Settings of a Postgres whose data nobody misses: it need not survive a power cut. */
export const testPostgresSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: 400,
  shared_buffers: '64MB',
  // Cloned databases are many and short-lived; collecting statistics of them is wasted work.
  autovacuum_naptime: '60s',
} as const

/** Enough logical databases for every test file of a run to have its own. */
export const REDIS_DATABASES = 512
