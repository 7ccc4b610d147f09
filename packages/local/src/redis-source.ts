import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { Failure, reasonOf } from './failure.ts'
import { isRoot } from './system-user.ts'

const run = promisify(execFile)

/** Where a Redis can be had on this machine: a program, an image for Docker, or a package still to be installed. */
export type RedisSource =
  | { kind: 'program'; command: string }
  | { kind: 'docker' }
  | { kind: 'debian-package' }

const DOCKER_ANSWER_LIMIT_MS = 4_000

/**
 * Looks for a Redis: `redis-server` on the path, else Docker, else Debian's package where root may install it.
 * @throws Failure when there is none.
 */
export async function findRedis(env: NodeJS.ProcessEnv): Promise<RedisSource> {
  const found = await findRedisProgram(env)
  if (found?.kind === 'program') return found
  if (await dockerWorks(env)) return { kind: 'docker' }
  if (found !== undefined) return found
  throw new Failure(
    'There is no Redis: install redis-server so that it is on the PATH, start Docker, or set REDIS_URL to a ' +
      'running Redis.',
  )
}

/** The path of `redis-server`, which Debian's package brings where it is missing and root may install it. */
export async function ensureRedisProgram(env: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<string> {
  const found = await findRedisProgram(env)
  if (found?.kind === 'program') return found.command
  if (found?.kind === 'debian-package') return installDebianRedis(env, signal)
  throw new Failure('There is no redis-server: install it so that it is on the PATH.')
}

async function findRedisProgram(
  env: NodeJS.ProcessEnv,
): Promise<Exclude<RedisSource, { kind: 'docker' }> | undefined> {
  const command = await findOnPath('redis-server', env)
  if (command !== undefined) return { kind: 'program', command }
  const isInstallable = isRoot && (await findOnPath('apt-get', env)) !== undefined
  return isInstallable ? { kind: 'debian-package' } : undefined
}

async function installDebianRedis(env: NodeJS.ProcessEnv, signal: AbortSignal | undefined): Promise<string> {
  const options = { signal, env: { ...env, DEBIAN_FRONTEND: 'noninteractive' } }
  try {
    await run('apt-get', ['update', '-qq'], options)
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'redis-server'], options)
  } catch (err) {
    signal?.throwIfAborted()
    throw new Failure(
      `Redis could not be installed with apt-get (${reasonOf(err)}): install redis-server yourself, or set REDIS_URL.`,
      { cause: err },
    )
  }
  const command = await findOnPath('redis-server', env)
  if (command === undefined)
    throw new Failure('The package redis-server brought no program: set REDIS_URL instead.')
  return command
}

async function findOnPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const folder of (env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, name)
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (isThere) return path
  }
  return undefined
}

async function dockerWorks(env: NodeJS.ProcessEnv): Promise<boolean> {
  return run('docker', ['version', '--format', '{{.Server.Version}}'], {
    env,
    timeout: DOCKER_ANSWER_LIMIT_MS,
  }).then(
    () => true,
    () => false,
  )
}
