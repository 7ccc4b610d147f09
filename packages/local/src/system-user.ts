import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { Failure, reasonOf } from './failure.ts'

const run = promisify(execFile)

export type SystemUser = { uid: number; gid: number }

export const isRoot = process.getuid?.() === 0

/**
 * The user that Postgres runs as: nobody else where we are not root, because then it runs as we do. As root it
 * is the system's `postgres`, made where it is missing, because Postgres refuses to run as root.
 */
export async function postgresUser(): Promise<SystemUser | undefined> {
  if (!isRoot) return undefined
  try {
    return (await findUser('postgres')) ?? (await createUser('postgres'))
  } catch (err) {
    throw new Failure(
      `Postgres does not run as root and the user "postgres" could not be made (${reasonOf(err)}): ` +
        'run as an ordinary user, or set DATABASE_URL.',
      { cause: err },
    )
  }
}

/** Whether every user may pass through all folders above `path`; a home folder with mode 0700 stops them. */
export async function isReachableByAll(path: string): Promise<boolean> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => undefined)
    if (found !== undefined && (found.mode & 0o001) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

async function findUser(name: string): Promise<SystemUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])])
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch {
    return undefined
  }
}

async function createUser(name: string): Promise<SystemUser> {
  await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', name])
  const user = await findUser(name)
  if (user === undefined) throw new Error(`useradd made no user "${name}"`)
  return user
}
