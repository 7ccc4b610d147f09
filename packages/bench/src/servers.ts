import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '@urbanbloom/local/failure'
import { freePort } from '@urbanbloom/local/ports'
import { startPostgresServer } from '@urbanbloom/local/postgres-server'
import { startRedisServer } from '@urbanbloom/local/redis-server'
import { ensureRedisProgram } from '@urbanbloom/local/redis-source'
import { watchForStop } from '@urbanbloom/local/stop-request'
import { createSupervisor, ranks } from '@urbanbloom/local/supervisor'

export type Servers = Awaited<ReturnType<typeof startServers>>

const TMPFS = 0x01021994
/** Only reachable from this machine, and only while the benchmark runs. */
const PASSWORD = 'postgres'

/**
 * A Postgres with its default durability and a Redis, both of this benchmark alone, in a temporary folder that
 * `close` removes. Whatever else is started belongs to the supervisor.
 */
export async function startServers({
  postgresSettings = {},
}: {
  postgresSettings?: Record<string, string>
} = {}) {
  if (process.platform !== 'linux') {
    throw new Failure(
      'The benchmarks read CPU times from /proc, which only Linux has: run them in a container.',
    )
  }
  const folder = await mkdtemp(join(tmpdir(), 'urbanbloom-bench-'))
  // As root, Postgres runs as a user of its own that has to get in.
  await chmod(folder, 0o755)
  const supervisor = createSupervisor(async () => undefined)
  watchForStop({
    onStop: () => {
      supervisor.kill()
      void rm(folder, { recursive: true, force: true }).finally(() => process.exit(1))
    },
    onForce: supervisor.kill,
  })
  if ((await statfs(folder)).type === TMPFS) {
    console.log(`${folder} is in memory, where fsync costs nothing: set TMPDIR to a folder on a disk.`)
  }
  try {
    const redis = await startRedisServer({
      command: await ensureRedisProgram(process.env),
      port: await freePort(),
      folder,
      logFile: join(folder, 'redis.log'),
    })
    await supervisor.add(redis.child, ranks.server, folder)
    const postgres = await startPostgresServer({
      folder,
      port: await freePort(),
      password: PASSWORD,
      logFile: join(folder, 'postgres.log'),
      settings: { max_connections: 200, ...postgresSettings },
    })
    await supervisor.add(postgres.child, ranks.server, folder)
    return {
      folder,
      supervisor,
      adminUrl: postgres.adminUrl,
      redisUrl: redis.url,
      processes: [
        { name: 'Postgres', pid: postgres.child.pid, tree: true },
        { name: 'Redis', pid: redis.child.pid },
      ],
      async close(): Promise<void> {
        await supervisor.stop()
        await rm(folder, { recursive: true, force: true })
      },
    }
  } catch (err) {
    await supervisor.stop()
    await rm(folder, { recursive: true, force: true })
    throw err
  }
}

/** Runs a benchmark to its end. What goes wrong becomes one sentence where it was foreseen, and exit code 1. */
export async function runBenchmark(work: () => Promise<void>): Promise<never> {
  try {
    await work()
  } catch (err) {
    console.error(err instanceof Failure ? err.message : err)
    process.exitCode = 1
  }
  process.exit()
}
