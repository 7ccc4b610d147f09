import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { startChild } from './child.ts'
import { Failure, reasonOf } from './failure.ts'
import { freePort } from './ports.ts'
import { chooseClusterFolder } from './postgres-cluster.ts'
import { runStatement, startPostgresServer, withUrlParts } from './postgres-server.ts'
import { pingRedis, startRedisServer, waitForRedis } from './redis-server.ts'
import { ensureRedisProgram, type RedisSource } from './redis-source.ts'
import type { Secrets } from './secrets.ts'
import type { Settings } from './settings.ts'
import { ranks, type Supervisor } from './supervisor.ts'

const run = promisify(execFile)

const DATABASE = 'urbanbloom'
const DEFAULT_POSTGRES_PORT = 54_320
const DEFAULT_REDIS_PORT = 63_790
const REDIS_IMAGE = 'redis:7'
/** Docker may have to pull the image first. */
const DOCKER_LIMIT_MS = 120_000

type Start = { settings: Settings; supervisor: Supervisor; signal: AbortSignal }

/** Starts the embedded Postgres with a database for us, and gives its administrator's URL. */
export async function startLocalPostgres({
  settings,
  supervisor,
  signal,
  secrets,
}: Start & { secrets: Secrets }) {
  const folder = await chooseClusterFolder(settings.dataFolder)
  const { child, adminUrl } = await startPostgresServer({
    folder,
    port: await freePort(settings.postgresPort ?? DEFAULT_POSTGRES_PORT),
    password: secrets.postgresPassword,
    logFile: join(settings.dataFolder, 'logs/postgres.log'),
    // Each service has a pool of 10 and its queue's connections; what people open comes on top.
    settings: { max_connections: 200 },
    signal,
  })
  await supervisor.add(child, ranks.server, folder)
  const [found] = await runStatement(adminUrl, `select 1 from pg_database where datname = '${DATABASE}'`)
  if (found === undefined) await runStatement(adminUrl, `create database ${DATABASE}`)
  return withUrlParts(adminUrl, { database: DATABASE })
}

/** Starts a Redis from wherever one was found, and gives its URL. */
export async function startLocalRedis({
  settings,
  supervisor,
  signal,
  source,
}: Start & { source: RedisSource }) {
  const port = await freePort(settings.redisPort ?? DEFAULT_REDIS_PORT)
  const logFile = join(settings.dataFolder, 'logs/redis.log')
  if (source.kind === 'docker') return startRedisContainer({ settings, supervisor, signal, port, logFile })
  const command = source.kind === 'program' ? source.command : await ensureRedisProgram(process.env, signal)
  const { child, url } = await startRedisServer({
    command,
    port,
    folder: settings.dataFolder,
    logFile,
    signal,
  })
  await supervisor.add(child, ranks.server, `:${port}`)
  return url
}

async function startRedisContainer(options: Start & { port: number; logFile: string }): Promise<string> {
  const { settings, supervisor, signal, port, logFile } = options
  const name = `urbanbloom-redis-${createHash('sha256').update(settings.dataFolder).digest('hex').slice(0, 12)}`
  // One may be left over from a start that was killed.
  await run('docker', ['rm', '--force', name]).catch(() => undefined)
  const container = ['--rm', '--name', name, '--publish', `127.0.0.1:${port}:6379`]
  // Seen from inside the container, this machine is another one, which protected mode refuses.
  const server = ['redis-server', '--save', '', '--appendonly', 'no', '--protected-mode', 'no']
  const child = await startChild({
    name: 'redis',
    command: 'docker',
    args: ['run', ...container, REDIS_IMAGE, ...server],
    env: process.env,
    logFile,
  })
  await supervisor.add(child, ranks.server, name)
  const url = `redis://127.0.0.1:${port}`
  await waitForRedis(url, DOCKER_LIMIT_MS, { child, signal })
  return url
}

/** @throws Failure when the given database does not let us in. */
export async function expectGivenDatabase(url: string): Promise<void> {
  try {
    await runStatement(url, 'select 1')
  } catch (err) {
    throw new Failure(
      `The database at DATABASE_URL (${withoutSecrets(url)}) cannot be used (${reasonOf(err)}): ` +
        'start it, correct the URL, or unset DATABASE_URL to have one started for you.',
      { cause: err },
    )
  }
}

/** @throws Failure when the given Redis does not answer. */
export async function expectGivenRedis(url: string): Promise<void> {
  try {
    await pingRedis(url)
  } catch (err) {
    throw new Failure(
      `The Redis at REDIS_URL (${withoutSecrets(url)}) cannot be used (${reasonOf(err)}): ` +
        'start it, correct the URL, or unset REDIS_URL to have one started for you.',
      { cause: err },
    )
  }
}

function withoutSecrets(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}
