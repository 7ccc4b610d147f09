import { rmSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Child } from '@urbanbloom/local/child'
import { freePort } from '@urbanbloom/local/ports'
import { stopLeftover } from '@urbanbloom/local/postgres-cluster'
import { startPostgresServer } from '@urbanbloom/local/postgres-server'
import { commandLineOf } from '@urbanbloom/local/process-identity'
import { startRedisServer } from '@urbanbloom/local/redis-server'
import { ensureRedisProgram } from '@urbanbloom/local/redis-source'
import {
  REDIS_DATABASES,
  type ServerHandle,
  type ServerProvider,
  testPostgresSettings,
} from './server-handle.ts'

const STOP_LIMIT_MS = 10_000
const FOLDER_PREFIX = 'urbanbloom-test-'
/** Only reachable from this machine, and only while the tests run. */
const PASSWORD = 'postgres'

/** Servers as child processes: the embedded Postgres and `redis-server` from the path, in a temporary folder. */
export const nativeServers: ServerProvider = {
  async startPostgres() {
    const folder = await temporaryFolder()
    const port = await freePort()
    const start = () =>
      startPostgresServer({
        folder,
        port,
        password: PASSWORD,
        logFile: join(folder, 'postgres.log'),
        settings: testPostgresSettings,
      })
    const first = await start()
    const handle = await childHandle(first.child, async () => (await start()).child, folder)
    return { ...handle, adminUrl: first.adminUrl }
  },

  async startRedis() {
    const command = await ensureRedisProgram(process.env)
    const folder = await temporaryFolder()
    const port = await freePort()
    const start = () =>
      startRedisServer({
        command,
        port,
        folder,
        logFile: join(folder, 'redis.log'),
        databases: REDIS_DATABASES,
      })
    const first = await start()
    const handle = await childHandle(first.child, async () => (await start()).child, folder)
    return { ...handle, url: first.url }
  },
}

/**
 * Ends the servers and removes the folders of earlier runs that were killed. A folder carries the process id of
 * the run that made it; those of runs that still go on are left alone.
 */
export async function sweepKilledRuns(): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(FOLDER_PREFIX))
  for (const name of names) {
    const owner = Number.parseInt(name.slice(FOLDER_PREFIX.length), 10)
    if (!Number.isInteger(owner) || (await commandLineOf(owner)) !== undefined) continue
    const folder = join(tmpdir(), name)
    await stopLeftover(join(folder, 'data')).catch(() => undefined)
    await rm(folder, { recursive: true, force: true }).catch(() => undefined)
  }
}

async function temporaryFolder(): Promise<string> {
  await mkdir(tmpdir(), { recursive: true })
  const folder = await mkdtemp(join(tmpdir(), `${FOLDER_PREFIX}${process.pid}-`))
  // As root, Postgres runs as a user of its own that has to get in.
  await chmod(folder, 0o755)
  return folder
}

async function childHandle(first: Child, start: () => Promise<Child>, folder: string): Promise<ServerHandle> {
  let child = first
  // The last resort when the test run is ended without a teardown, as Ctrl-C does it.
  const killNow = () => {
    child.signal('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  process.once('exit', killNow)
  const handle: ServerHandle = {
    stop: async () => void (await child.stop(STOP_LIMIT_MS)),
    async start() {
      if (child.hasExited()) child = await start()
    },
    async restart() {
      await handle.stop()
      await handle.start()
    },
    async close() {
      await handle.stop()
      process.off('exit', killNow)
      await rm(folder, { recursive: true, force: true })
    },
  }
  return handle
}
