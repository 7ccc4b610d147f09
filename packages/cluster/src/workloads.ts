import type { V1Deployment, V1Job, V1Pod } from '@kubernetes/client-node'
import { Failure } from '@urbanbloom/local/failure'
import type { Cluster } from './connection.ts'

const PART_OF = 'app.kubernetes.io/part-of=urbanbloom'

/** Our Deployments, by name. */
export async function listDeployments({ apps, namespace }: Cluster): Promise<V1Deployment[]> {
  const { items } = await apps.listNamespacedDeployment({ namespace, labelSelector: PART_OF })
  return items.toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)))
}

/** The same, where it makes no sense to go on without any. */
export async function expectDeployments(cluster: Cluster): Promise<V1Deployment[]> {
  const deployments = await listDeployments(cluster)
  if (deployments.length > 0) return deployments
  throw new Failure(
    `UrbanBloom is not in the namespace "${cluster.namespace}" of the context "${cluster.context}": apply it with ` +
      '"kubectl apply -k k8s/overlays/local", or name its namespace with --namespace.',
  )
}

/** Of each kind, such as the migration, the newest Job: what became of an older one is over. */
export async function listNewestJobs({ batch, namespace }: Cluster): Promise<V1Job[]> {
  const { items } = await batch.listNamespacedJob({ namespace, labelSelector: PART_OF })
  const newest = new Map<string, V1Job>()
  const createdAt = ({ metadata }: V1Job) => new Date(metadata?.creationTimestamp ?? 0).getTime()
  for (const job of items.toSorted((a, b) => createdAt(a) - createdAt(b))) {
    newest.set(job.metadata?.labels?.['app.kubernetes.io/name'] ?? nameOf(job), job)
  }
  return [...newest.values()]
}

export async function listPods({ core, namespace }: Cluster): Promise<V1Pod[]> {
  return (await core.listNamespacedPod({ namespace, labelSelector: PART_OF })).items
}

export function nameOf(object: { metadata?: { name?: string } }): string {
  return object.metadata?.name ?? ''
}

/** Of the pods, those that the selector of a Deployment or a Job takes. */
export function podsOf(owner: V1Deployment | V1Job, pods: readonly V1Pod[]): V1Pod[] {
  const labels = Object.entries(owner.spec?.selector?.matchLabels ?? {})
  if (labels.length === 0) return []
  return pods.filter((pod) => labels.every(([key, value]) => pod.metadata?.labels?.[key] === value))
}

export function isReady(pod: V1Pod): boolean {
  return (
    pod.metadata?.deletionTimestamp === undefined &&
    (pod.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True')
  )
}

/** Whether the newest version of a Deployment is all that runs, and all of it is available. */
export function isRolledOut({ metadata, spec, status }: V1Deployment): boolean {
  const wanted = spec?.replicas ?? 1
  return (
    (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0) &&
    (status?.updatedReplicas ?? 0) === wanted &&
    (status?.replicas ?? 0) === wanted &&
    (status?.availableReplicas ?? 0) === wanted
  )
}

export function isComplete(job: V1Job): boolean {
  return hasCondition(job, 'Complete')
}

/** Finally: no further try follows. */
export function isFailed(job: V1Job): boolean {
  return hasCondition(job, 'Failed')
}

function hasCondition(job: V1Job, wanted: string): boolean {
  return (job.status?.conditions ?? []).some(({ type, status }) => type === wanted && status === 'True')
}

/** One that may have several pods at a time; a single one that is replaced in one go is away for a moment. */
export function isReplaceable({ spec }: V1Deployment): boolean {
  return spec?.strategy?.type !== 'Recreate'
}
