import { Redis } from 'ioredis'
import { type Child, deathOf, startChild } from './child.ts'
import { retryUntil } from './deadline.ts'

const READY_LIMIT_MS = 15_000
const ANSWER_LIMIT_MS = 2_000

export type RedisServer = { child: Child; url: string }

/** Starts `redis-server` without persistence, because losing Redis must lose nothing, and waits for its answer. */
export async function startRedisServer(options: {
  command: string
  port: number
  /** Its working folder; nothing is written there. */
  folder: string
  logFile: string
  databases?: number
  signal?: AbortSignal | undefined
}): Promise<RedisServer> {
  const settings = {
    port: options.port,
    bind: '127.0.0.1',
    save: '',
    appendonly: 'no',
    databases: options.databases ?? 16,
  }
  const child = await startChild({
    name: 'redis',
    command: options.command,
    args: Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]),
    env: { PATH: process.env.PATH },
    cwd: options.folder,
    logFile: options.logFile,
  })
  const url = `redis://127.0.0.1:${options.port}`
  try {
    await waitForRedis(url, READY_LIMIT_MS, { child, signal: options.signal })
  } catch (err) {
    await child.stop(0)
    throw err
  }
  return { child, url }
}

/** Waits until the server behind `url` answers a ping; at once an error when `child`, its process, has ended. */
export async function waitForRedis(
  url: string,
  limitMs: number,
  options: { child?: Child; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  await retryUntil(() => pingRedis(url), {
    limitMs,
    describe: 'Redis does not start',
    gaveUp: () => deathOf(options.child),
    signal: options.signal,
  })
}

/** Resolves when the server behind `url` answers; rejects with the reason, within 4 s, when it does not. */
export async function pingRedis(url: string): Promise<void> {
  let reason: unknown
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: ANSWER_LIMIT_MS,
    commandTimeout: ANSWER_LIMIT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  // The rejection says only "Connection is closed."; the event says why.
  client.on('error', (err) => {
    reason = err
  })
  try {
    await client.connect()
    await client.ping()
  } catch (err) {
    throw reason ?? err
  } finally {
    client.disconnect()
  }
}
