import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, chown, cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Failure, reasonOf } from './failure.ts'
import { findPostgresBinaries } from './postgres-binaries.ts'
import { commandLineOf, endProcess } from './process-identity.ts'
import { isReachableByAll, isRoot, postgresUser, type SystemUser } from './system-user.ts'

const run = promisify(execFile)

/** Where root's Postgres keeps what its user could not reach inside a private folder. */
const SHARED_FOLDER = '/var/lib/urbanbloom'

const STOP_LEFTOVER_MS = 10_000

export type Cluster = {
  dataFolder: string
  binFolder: string
  user: SystemUser | undefined
}

/** The folder for the cluster of one system: in its data folder, unless Postgres's user could not get in there. */
export async function chooseClusterFolder(dataFolder: string): Promise<string> {
  const inside = join(dataFolder, 'postgres')
  if (!isRoot || (await isReachableByAll(inside))) return inside
  const name = createHash('sha256').update(dataFolder).digest('hex').slice(0, 12)
  return join(SHARED_FOLDER, `data-${name}`)
}

/**
 * Makes `folder/data` a Postgres cluster, unless it is one, and stops a server that was left running on it.
 * The administrator is `postgres` with `password`.
 */
export async function prepareCluster(folder: string, password: string): Promise<Cluster> {
  const user = await postgresUser()
  const binFolder = join(await reachableBinaries(user), 'bin')
  const dataFolder = join(folder, 'data')
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o755)
  if (existsSync(dataFolder)) await stopLeftover(dataFolder)
  else await initialize({ folder, dataFolder, binFolder, user, password })
  return { dataFolder, binFolder, user }
}

/**
 * Stops the server that a killed supervisor left behind: its `postmaster.pid` says which one. A file whose
 * process is gone, or is another program by now, would keep Postgres from starting and is removed.
 */
export async function stopLeftover(dataFolder: string): Promise<void> {
  const pidFile = join(dataFolder, 'postmaster.pid')
  const text = await readFile(pidFile, 'utf8').catch(() => undefined)
  if (text === undefined) return
  const pid = Number.parseInt(text, 10)
  const command = Number.isInteger(pid) && pid > 0 ? await commandLineOf(pid) : undefined
  if (command?.includes(dataFolder)) {
    try {
      // SIGINT is Postgres's fast stop: sessions are ended, the data is written.
      await endProcess(pid, { signal: 'SIGINT', graceMs: STOP_LEFTOVER_MS })
    } catch (err) {
      throw new Failure(
        `Postgres still runs on ${dataFolder} as process ${pid} and may not be stopped by this user ` +
          `(${reasonOf(err)}): stop it and start again.`,
        { cause: err },
      )
    }
  }
  await rm(pidFile, { force: true })
}

async function initialize(options: Cluster & { folder: string; password: string }): Promise<void> {
  const { folder, dataFolder, binFolder, user, password } = options
  // A cluster that an interrupt left half made is never taken for a whole one: it gets its name at the end.
  const unfinished = join(folder, 'data.unfinished')
  const passwordFile = join(folder, 'password')
  try {
    await rm(unfinished, { recursive: true, force: true })
    await mkdir(unfinished, { mode: 0o700 })
    await writeFile(passwordFile, password, { mode: 0o600 })
    if (user) await Promise.all([unfinished, passwordFile].map((path) => chown(path, user.uid, user.gid)))
    await run(
      join(binFolder, 'initdb'),
      [
        `--pgdata=${unfinished}`,
        '--username=postgres',
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--no-sync',
        '--no-instructions',
      ],
      { ...user, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: 'C' } },
    )
    await rename(unfinished, dataFolder)
  } catch (err) {
    const { stderr } = err as { stderr?: string }
    throw new Failure(
      `Postgres could not make its data folder ${dataFolder}: ${stderr?.trim().split('\n').at(-1) || reasonOf(err)}.`,
      { cause: err },
    )
  } finally {
    await rm(passwordFile, { force: true })
  }
}

/** The binaries, or root's copy of them when Postgres's user could not reach them in a private checkout. */
async function reachableBinaries(user: SystemUser | undefined): Promise<string> {
  const binaries = findPostgresBinaries()
  if (user === undefined || (await isReachableByAll(join(binaries, 'bin')))) return binaries
  const { version } = JSON.parse(await readFile(join(binaries, '..', 'package.json'), 'utf8')) as {
    version: string
  }
  const copy = join(SHARED_FOLDER, `postgres-${version}`)
  if (existsSync(copy)) return copy
  const unfinished = `${copy}.${process.pid}`
  await mkdir(SHARED_FOLDER, { recursive: true })
  await chmod(SHARED_FOLDER, 0o755)
  await cp(binaries, unfinished, { recursive: true, verbatimSymlinks: true })
  await run('chmod', ['-R', 'a+rX', unfinished])
  await rename(unfinished, copy).catch(() => rm(unfinished, { recursive: true, force: true }))
  return copy
}
