import type { V1Service } from '@kubernetes/client-node'
import { type Manifest, ofKind, type Workload, workloadsOf } from './manifest.ts'
import { selects } from './network.ts'

/** The Service that a host name means inside of the namespace, or with the namespace behind it. */
export function serviceAt(manifests: readonly Manifest[], host: string): (Manifest & V1Service) | undefined {
  const [name, namespace, ...rest] = host.split('.')
  if (rest.length > 0 && rest.join('.') !== 'svc' && rest.join('.') !== 'svc.cluster.local') return undefined
  return ofKind(manifests, 'Service').find(
    ({ metadata }) => metadata.name === name && (namespace ?? metadata.namespace) === metadata.namespace,
  )
}

/** The pods that answer at a host name: those that its Service selects, whatever their name. */
export function podsAt(manifests: readonly Manifest[], host: string): Workload[] {
  const selector = serviceAt(manifests, host)?.spec?.selector
  // A Service without selector selects nobody, a selector without labels everybody.
  if (selector === undefined) return []
  return workloadsOf(manifests).filter(({ labels }) => selects({ matchLabels: selector }, labels))
}

/** The number of the port at which a Service's port ends at a pod; undefined where either has none such. */
export function targetPortOf({ spec }: V1Service, port: number, pod: Workload): number | undefined {
  const target = spec?.ports?.find((each) => each.port === port)
  const meant = target?.targetPort ?? target?.port
  return pod.spec.containers
    .flatMap(({ ports = [] }) => ports)
    .find(({ name, containerPort }) => containerPort === meant || name === meant)?.containerPort
}
