import { load } from 'js-yaml'
import { environmentOf } from './environment.ts'
import { type Manifest, mainContainer, type Workload } from './manifest.ts'
import { podsAt, serviceAt, targetPortOf } from './services.ts'

/** A port of a pod of ours, as `pod:port`. */
export type Edge = `${string}:${number}`

/** A host and a port, with or without a scheme, a user and a path. */
const ADDRESS = /^(?:[a-z]+:\/\/)?(?:[^@/\s]*@)?([a-z][\w.-]*):(\d+)(?:[/?]\S*)?$/

/**
 * Whom a pod has to reach among ours: the pods behind every address in its environment and in the YAML of its maps
 * whose host is a Service, and those that its configuration asks DNS for.
 * @throws when a Service is named with a port that it does not have.
 */
export function edgesOf(manifests: readonly Manifest[], from: Workload): Set<Edge> {
  const values = Object.values(environmentOf(manifests, from).values)
  return new Set([
    ...values.flatMap((value) => behind(manifests, value)),
    ...mountedYaml(manifests, from).flatMap((value) => namedIn(manifests, value)),
  ])
}

function behind(manifests: readonly Manifest[], address: string): Edge[] {
  const [, host = '', port = ''] = ADDRESS.exec(address) ?? []
  const service = serviceAt(manifests, host)
  if (service === undefined) return []
  return podsAt(manifests, host).map((pod) => {
    const number = targetPortOf(service, Number(port), pod)
    if (number === undefined) throw new Error(`The Service ${host} has no port ${port}: ${address}`)
    return `${pod.name}:${number}` as const
  })
}

function mountedYaml(manifests: readonly Manifest[], { spec, ...pod }: Workload): unknown[] {
  const mounted = new Set(mainContainer({ spec, ...pod }).volumeMounts?.map(({ name }) => name))
  const maps = (spec.volumes ?? [])
    .filter(({ name }) => mounted.has(name))
    .flatMap(({ configMap, projected }) => [
      configMap?.name,
      ...(projected?.sources ?? []).map((source) => source.configMap?.name),
    ])
  return manifests
    .filter(({ kind, metadata }) => kind === 'ConfigMap' && maps.includes(metadata.name))
    .flatMap(({ data = {} }) => Object.entries(data))
    .filter(([file]) => /\.ya?ml$/.test(file))
    .map(([, text]) => load(text))
}

function namedIn(manifests: readonly Manifest[], value: unknown): Edge[] {
  if (typeof value === 'string') return behind(manifests, value)
  if (value === null || typeof value !== 'object') return []
  const { names, port } = value as { names?: string[]; port?: number }
  // Prometheus asks DNS for the pods themselves, so the port is theirs.
  if (Array.isArray(names) && port !== undefined) {
    return names.flatMap((name) => podsAt(manifests, name).map((pod) => `${pod.name}:${port}` as const))
  }
  return Object.values(value).flatMap((each) => namedIn(manifests, each))
}
