import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { load } from 'js-yaml'
import { describe, expect, test } from 'vitest'
import { environmentOf } from '../src/environment.ts'
import { type Manifest, mainContainer, type Workload, workload } from '../src/manifest.ts'
import { repository } from '../src/program.ts'
import { variants } from '../src/variants.ts'

type Sources = { datasources?: { uid: string; jsonData?: { sslRootCertFile?: string } }[] }
type Providers = { providers: { options: { path: string } }[] }
type Compose = {
  services: Record<string, { environment?: Record<string, string>; volumes?: string[] }>
}

const folder = path.join(repository, 'grafana')
const dashboards = readdirSync(path.join(folder, 'dashboards')).toSorted()
/** What kubectl apply may keep in its annotation is 256 KiB; the map's own metadata are in it, too. */
const APPLIED_LIMIT = 250 * 1024

/** The files that a pod's main container finds in a folder, from maps. */
function filesAt(manifests: readonly Manifest[], pod: Workload, mountPath: string): Record<string, string> {
  const mount = mainContainer(pod).volumeMounts?.find((each) => each.mountPath === mountPath)
  const volume = pod.spec.volumes?.find(({ name }) => name === mount?.name)
  const names = [volume?.configMap, ...(volume?.projected?.sources ?? []).map(({ configMap }) => configMap)]
    .map((map) => map?.name)
    .filter((name) => name !== undefined)
  const maps = names.map((name) =>
    manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name),
  )
  return Object.assign({}, ...maps.map((map) => map?.data)) as Record<string, string>
}

/** The variables that a provisioned file takes from the environment; `$$` is no variable. */
function variablesIn(text: string): string[] {
  return [...text.matchAll(/(?<!\$)\$\{?(\w+)\}?/g)].map(([, name]) => name ?? '')
}

describe.each(Object.entries(variants))('%s', (variant, manifests) => {
  const grafana = workload(manifests, 'grafana')
  const { values } = environmentOf(manifests, grafana)
  const sources = filesAt(manifests, grafana, '/etc/grafana/provisioning/datasources')

  test('every dashboard of the repository is where Grafana is told to look', () => {
    const provided = filesAt(manifests, grafana, '/etc/grafana/provisioning/dashboards')
    const [provider] = (load(provided['files.yaml'] ?? '') as Providers).providers
    const found = filesAt(manifests, grafana, provider?.options.path ?? '')
    expect(Object.keys(found).toSorted()).toEqual(dashboards)
    for (const name of dashboards) {
      expect(found[name], name).toBe(readFileSync(path.join(folder, 'dashboards', name), 'utf8'))
    }
  })

  test('every source is there, and has what it takes from the environment', () => {
    const uids = Object.values(sources).flatMap((text) => (load(text) as Sources).datasources ?? [])
    expect(uids.map(({ uid }) => uid).toSorted()).toEqual(['postgres', 'prometheus'])
    for (const [name, text] of Object.entries(sources)) {
      for (const variable of variablesIn(text)) expect(values, name).toHaveProperty(variable)
    }
  })

  test('the database is reached as it has to be, and its authorities are read where they are', () => {
    expect(values.DASHBOARD_DATABASE_SSLMODE).toBe(variant === 'production' ? 'verify-full' : 'disable')
    const [postgres] = (load(sources['postgres.yaml'] ?? '') as Sources).datasources ?? []
    const file = postgres?.jsonData?.sslRootCertFile ?? ''
    const mount = mainContainer(grafana).volumeMounts?.find(({ mountPath }) =>
      file.startsWith(`${mountPath}/`),
    )
    expect(mount?.name).toBe(variant === 'production' ? 'database-ca' : undefined)
  })

  test('kubectl apply takes every map', () => {
    for (const map of manifests.filter(({ kind }) => kind === 'ConfigMap')) {
      expect(JSON.stringify(map).length, map.metadata.name).toBeLessThan(APPLIED_LIMIT)
    }
  })
})

test('docker compose mounts the same files, and gives what they take from the environment', () => {
  const compose = load(readFileSync(path.join(repository, 'docker/compose.yaml'), 'utf8')) as Compose
  const { environment = {}, volumes = [] } = compose.services.grafana ?? {}
  const mounted = volumes.filter((volume) => volume.startsWith('../grafana/'))
  for (const source of [
    'provisioning/datasources/postgres.yaml',
    'provisioning/datasources/prometheus.yaml',
  ]) {
    expect(mounted).toContain(`../grafana/${source}:/etc/grafana/${source}:ro`)
  }
  for (const part of ['dashboards', 'provisioning/dashboards']) {
    expect(mounted).toContain(`../grafana/${part}:/etc/grafana/${part}:ro`)
  }
  // Either is chosen by a variable, and is nothing by default.
  for (const [variable, file, choice] of [
    ['LOGS_SOURCE', 'logs', 'loki'],
    ['TRACES_SOURCE', 'traces', 'tempo'],
  ] as const) {
    const target = `/etc/grafana/provisioning/datasources/${file}.yaml:ro`
    expect(mounted).toContain(`../grafana/sources/\${${variable}:-none}.yaml:${target}`)
    const text = readFileSync(path.join(folder, 'sources', `${choice}.yaml`), 'utf8')
    for (const name of variablesIn(text)) expect(environment).toHaveProperty(name)
  }
  const postgres = readFileSync(path.join(folder, 'provisioning/datasources/postgres.yaml'), 'utf8')
  for (const name of variablesIn(postgres)) expect(environment).toHaveProperty(name)
})
