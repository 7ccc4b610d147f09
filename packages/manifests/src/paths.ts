import type { V1Container, V1Volume } from '@kubernetes/client-node'
import { load } from 'js-yaml'
import { environmentOf } from './environment.ts'
import { type Manifest, mainContainer, ofKind, type Workload } from './manifest.ts'

/** A file or folder that a container uses, and who says so. */
export type UsedPath = { path: string; saidBy: string }

/** Where images of others keep what they write, though nothing in a manifest says so. */
const WRITTEN: [image: RegExp, paths: string[]][] = [
  [/^postgres:/, ['/var/lib/postgresql', '/var/run/postgresql', '/tmp', '/dev/shm']],
  [/^redis:/, ['/data']],
]

const TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * Every path that a pod's main container is told or is known to use: values of variables, arguments, what the
 * configuration files in its maps name, and what its image writes.
 */
export function usedPaths(manifests: readonly Manifest[], pod: Workload): UsedPath[] {
  const container = mainContainer(pod)
  const paths = Object.entries(environmentOf(manifests, pod).values).flatMap(([name, value]) => {
    if (value.startsWith('/')) return [{ path: value, saidBy: name }]
    return value.startsWith('file:') ? [{ path: new URL(value).pathname, saidBy: name }] : []
  })
  for (const argument of [...(container.command ?? []), ...(container.args ?? [])]) {
    const path = /^(?:--?[\w.-]+=)?(\/.*)$/.exec(argument)?.[1]
    if (path !== undefined) paths.push({ path, saidBy: argument })
  }
  const named = paths.flatMap(({ path, saidBy }) => {
    const text = fileIn(manifests, pod, path)
    return text !== undefined && /\.ya?ml$/.test(path) ? namedIn(load(text), path, saidBy) : []
  })
  paths.push(...named)
  // With a command of its own it is not the server of that image.
  if ((container.command ?? []).length === 0) {
    const [, written = []] = WRITTEN.find(([image]) => image.test(container.image ?? '')) ?? []
    paths.push(...written.map((path) => ({ path, saidBy: container.image ?? '' })))
  }
  return paths
}

/** The files that a configuration of Prometheus or Alertmanager names; relative ones are beside it. */
function namedIn(value: unknown, file: string, saidBy: string, key = ''): UsedPath[] {
  if (typeof value === 'string') {
    const isFile = key === 'rule_files' || key === 'templates' || key.endsWith('_file')
    if (!isFile) return []
    const folder = file.slice(0, file.lastIndexOf('/'))
    return [{ path: value.startsWith('/') ? value : `${folder}/${value}`, saidBy: `${saidBy} ${key}` }]
  }
  if (value === null || typeof value !== 'object') return []
  return Object.entries(value).flatMap(([name, each]) =>
    namedIn(each, file, saidBy, Array.isArray(value) ? key : name),
  )
}

/** Why a path does not exist in a container: not mounted, or not in the map that is; undefined where it does. */
export function pathProblem(manifests: readonly Manifest[], pod: Workload, path: string): string | undefined {
  if (path.startsWith(`${TOKEN}/`)) {
    return pod.spec.automountServiceAccountToken === true ? undefined : 'the pod has no token'
  }
  const mount = mountOf(mainContainer(pod), path)
  if (mount === undefined) return 'nothing is mounted there'
  const volume = volumeOf(manifests, pod, mount.name)
  if (volume === undefined) return `there is no volume ${mount.name}`
  const map = mapOf(manifests, volume)
  if (map?.data === undefined || path === mount.mountPath) return undefined
  const pattern = new RegExp(
    `^${path
      .slice(mount.mountPath.length + 1)
      .replaceAll('.', '\\.')
      .replaceAll('*', '[^/]*')}$`,
  )
  const isThere = Object.keys(map.data).some((key) => pattern.test(key))
  return isThere ? undefined : `the map ${map.metadata.name} has no such file`
}

/** The innermost mount that covers a path. */
function mountOf({ volumeMounts = [] }: V1Container, path: string) {
  return volumeMounts
    .filter(({ mountPath }) => path === mountPath || path.startsWith(`${mountPath}/`))
    .toSorted((a, b) => b.mountPath.length - a.mountPath.length)[0]
}

/** A pod's volume; one that a StatefulSet claims for each pod has no source in the pod. */
export function volumeOf(manifests: readonly Manifest[], pod: Workload, name: string): V1Volume | undefined {
  const claimed = ofKind(manifests, 'StatefulSet')
    .filter(({ metadata }) => metadata.name === pod.name)
    .flatMap(({ spec }) => spec?.volumeClaimTemplates ?? [])
  if (claimed.some(({ metadata }) => metadata?.name === name)) return { name }
  return pod.spec.volumes?.find((each) => each.name === name)
}

function mapOf(manifests: readonly Manifest[], { configMap }: V1Volume): Manifest | undefined {
  return manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === configMap?.name)
}

function fileIn(manifests: readonly Manifest[], pod: Workload, path: string): string | undefined {
  const mount = mountOf(mainContainer(pod), path)
  const volume = mount && volumeOf(manifests, pod, mount.name)
  return volume && mapOf(manifests, volume)?.data?.[path.slice((mount?.mountPath.length ?? 0) + 1)]
}
