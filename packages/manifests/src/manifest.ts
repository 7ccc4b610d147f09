import type {
  V1Container,
  V1Deployment,
  V1Job,
  V1NetworkPolicy,
  V1ObjectMeta,
  V1PodDisruptionBudget,
  V1PodSpec,
  V1PodTemplateSpec,
  V1Service,
  V1StatefulSet,
  V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node'

/** A rendered object. Every one of ours has a name. */
export type Manifest = {
  apiVersion: string
  kind: string
  metadata: V1ObjectMeta & { name: string }
  data?: Record<string, string>
}

type Kinds = {
  Deployment: V1Deployment
  StatefulSet: V1StatefulSet
  Job: V1Job
  Service: V1Service
  NetworkPolicy: V1NetworkPolicy
  PodDisruptionBudget: V1PodDisruptionBudget
  HorizontalPodAutoscaler: V2HorizontalPodAutoscaler
}

/** The objects of one kind. What the schema requires is there, because another test has validated it. */
export function ofKind<Kind extends keyof Kinds>(
  manifests: readonly Manifest[],
  kind: Kind,
): (Manifest & Kinds[Kind])[] {
  return manifests.filter((each) => each.kind === kind) as (Manifest & Kinds[Kind])[]
}

/** Something that makes pods, with what its pods are like. */
export type Workload = {
  kind: 'Deployment' | 'StatefulSet' | 'Job'
  name: string
  labels: Record<string, string>
  spec: V1PodSpec
  containers: V1Container[]
}

/** Everything that makes pods. */
export function workloadsOf(manifests: readonly Manifest[]): Workload[] {
  return [
    ...ofKind(manifests, 'Deployment'),
    ...ofKind(manifests, 'StatefulSet'),
    ...ofKind(manifests, 'Job'),
  ].map((each) => {
    const template = each.spec?.template as V1PodTemplateSpec
    const spec = template.spec as V1PodSpec
    return {
      kind: each.kind as Workload['kind'],
      name: each.metadata.name,
      labels: template.metadata?.labels ?? {},
      spec,
      containers: [...(spec.initContainers ?? []), ...spec.containers],
    }
  })
}

/** The workload of a name. */
export function workload(manifests: readonly Manifest[], name: string): Workload {
  const found = workloadsOf(manifests).find((each) => each.name === name)
  if (found === undefined) throw new Error(`There is no workload named ${name}`)
  return found
}

/** A service of ours: it runs one of the images of `services/`. */
export function isService({ kind, labels }: Workload): boolean {
  return kind === 'Deployment' && labels['urbanbloom.example/metrics'] !== undefined
}

/** The main container: the first that is no init container. */
export function mainContainer({ spec }: Workload): V1Container {
  const [first] = spec.containers
  if (first === undefined) throw new Error('A pod without containers')
  return first
}
