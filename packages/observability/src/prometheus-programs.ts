import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { isRoot } from '@urbanbloom/local/system-user'

const run = promisify(execFile)

/** Debian's packages `prometheus` and `prometheus-alertmanager` name them so; the projects' own downloads differently. */
const candidates = {
  prometheus: ['prometheus'],
  promtool: ['promtool'],
  alertmanager: ['prometheus-alertmanager', 'alertmanager'],
  amtool: ['amtool'],
} as const

export type PrometheusPrograms = Readonly<Record<keyof typeof candidates, string>>

/** Why the checks that need the programs are skipped, for the person who reads the run. */
export const MISSING =
  'Prometheus, promtool, Alertmanager and amtool are not on the PATH and cannot be installed here: install the ' +
  'packages prometheus and prometheus-alertmanager to run these checks'

let found: Promise<PrometheusPrograms | undefined> | undefined

/**
 * The programs from the path, else from Debian's packages where root may install them; undefined where neither is.
 * @throws where neither is and the variable CI is set, because there nothing may be skipped.
 */
export function findPrometheusPrograms(): Promise<PrometheusPrograms | undefined> {
  found ??= findPrograms(candidates, ['prometheus', 'prometheus-alertmanager'])
  return found
}

/**
 * Programs by the names that they may have on the path, else from these packages of Debian's.
 * @throws where neither is and the variable CI is set; without it the caller skips what needs them, and says so.
 */
export async function findPrograms<Name extends string>(
  names: Readonly<Record<Name, readonly string[]>>,
  packages: readonly string[],
): Promise<Readonly<Record<Name, string>> | undefined> {
  const programs = (await onPath(names)) ?? (await installed(names, packages))
  if (programs instanceof Error || programs === undefined) {
    const why = programs?.message ?? 'they are missing, and there is no apt-get that this user may run'
    const words = `The tests need the packages ${packages.join(' and ')}: ${why}`
    if (isSet(process.env.CI)) throw new Error(words)
    console.warn(words)
    return undefined
  }
  return programs
}

function isSet(variable: string | undefined): boolean {
  return variable !== undefined && variable !== '' && variable !== 'false'
}

/** Installs them where root may. @returns undefined where it may not, and the reason where that fails. */
async function installed<Name extends string>(
  names: Readonly<Record<Name, readonly string[]>>,
  packages: readonly string[],
): Promise<Readonly<Record<Name, string>> | Error | undefined> {
  if (!isRoot || (await firstOnPath(['apt-get'])) === undefined) return undefined
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  try {
    // Several test processes may find them missing at the same time, and apt-get refuses to wait for another.
    const lock = join(tmpdir(), 'urbanbloom-apt-get.lock')
    await run('flock', [lock, 'apt-get', 'update', '-qq'], { env })
    await run('flock', [lock, 'apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...packages], {
      env,
    })
  } catch (err) {
    return err as Error
  }
  return (await onPath(names)) ?? new Error('they are installed, and their programs are not on the PATH')
}

async function onPath<Name extends string>(
  wanted: Readonly<Record<Name, readonly string[]>>,
): Promise<Readonly<Record<Name, string>> | undefined> {
  const programs: Partial<Record<Name, string>> = {}
  for (const [name, names] of Object.entries<readonly string[]>(wanted)) {
    const path = await firstOnPath(names)
    if (path === undefined) return undefined
    programs[name as Name] = path
  }
  return programs as Readonly<Record<Name, string>>
}

async function firstOnPath(names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
      const path = join(folder, name)
      const isThere = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
      if (isThere) return path
    }
  }
  return undefined
}
