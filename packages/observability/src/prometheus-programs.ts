import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
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
 */
export function findPrometheusPrograms(): Promise<PrometheusPrograms | undefined> {
  found ??= onPath().then((programs) => programs ?? installed())
  return found
}

async function installed(): Promise<PrometheusPrograms | undefined> {
  if (!isRoot || (await firstOnPath(['apt-get'])) === undefined) return undefined
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const packages = ['prometheus', 'prometheus-alertmanager']
  try {
    await run('apt-get', ['update', '-qq'], { env })
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env })
  } catch {
    return undefined
  }
  return onPath()
}

async function onPath(): Promise<PrometheusPrograms | undefined> {
  const programs: Record<string, string> = {}
  for (const [name, names] of Object.entries(candidates)) {
    const path = await firstOnPath(names)
    if (path === undefined) return undefined
    programs[name] = path
  }
  return programs as PrometheusPrograms
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
