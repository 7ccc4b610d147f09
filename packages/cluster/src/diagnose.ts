import type { CoreV1Event, V1ContainerStatus, V1Deployment, V1Job, V1Pod } from '@kubernetes/client-node'
import type { Cluster } from './connection.ts'
import { isReady, listPods, nameOf, podsOf } from './workloads.ts'

const LOG_LINES = 5
const LOG_BYTES = 4_000
/** A busy process logs many requests after it has said why it is not ready. */
const SEARCHED_LINES = 2_000
const SEARCHED_BYTES = 1_000_000
/** More pods of one workload than this have the same story. */
const PODS_TOLD = 2

/**
 * Why a Deployment or a Job is not where it should be, in the words that `kubectl describe` and `kubectl logs` would
 * give: one line for each pod that is not well, or why there is no pod.
 */
export async function diagnose(cluster: Cluster, owner: V1Deployment | V1Job): Promise<string[]> {
  const pods = podsOf(owner, await listPods(cluster)).filter((pod) => !isFine(pod))
  if (pods.length === 0) return withoutPods(owner)
  // The newest pods first: what an old one suffered from may be over.
  const told = pods.toSorted((a, b) => createdAt(b) - createdAt(a)).slice(0, PODS_TOLD)
  return Promise.all(told.map(async (pod) => `pod ${nameOf(pod)} ${await explainPod(cluster, pod)}`))
}

/** Why one pod is not ready. */
export async function explainPod(cluster: Cluster, pod: V1Pod): Promise<string> {
  const events = await eventsOf(cluster, pod)
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
  for (const status of statuses) {
    const why = await explainContainer(cluster, { pod, status, events })
    if (why !== undefined) return why
  }
  const scheduled = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
  if (scheduled?.status === 'False') return `finds no node: ${scheduled.message ?? scheduled.reason}`
  if (pod.status?.reason !== undefined) {
    return `is ${pod.status.phase}: ${pod.status.reason} ${pod.status.message ?? ''}`.trim()
  }
  const warning = newest(events)
  return warning === undefined
    ? `is ${pod.status?.phase ?? 'unknown'} and not ready, and no event says why`
    : `is ${pod.status?.phase}: ${warning.reason}: ${warning.message}`
}

type Container = { pod: V1Pod; status: V1ContainerStatus; events: readonly CoreV1Event[] }

async function explainContainer(cluster: Cluster, container: Container): Promise<string | undefined> {
  const { pod, status, events } = container
  const { waiting, running, terminated } = status.state ?? {}
  const logs = (previous: boolean) => lastLogLines(cluster, { pod, container: status.name, previous })
  if (waiting?.reason === 'CrashLoopBackOff') {
    const ended = status.lastState?.terminated
    const how =
      ended?.reason === 'OOMKilled' ? 'used more memory than its limit and was killed' : exitOf(ended)
    return `keeps ending, ${status.restartCount} restarts so far: ${how}; ${await logs(true)}`
  }
  if (waiting?.reason === 'ErrImagePull' || waiting?.reason === 'ImagePullBackOff') {
    const told = newest(
      events.filter(({ message }) => /pull/i.test(message ?? '') && /fail/i.test(message ?? '')),
    )
    return `cannot pull the image ${status.image}: ${told?.message ?? waiting.message ?? waiting.reason}`
  }
  if (waiting?.reason === 'ContainerCreating' || waiting?.reason === 'PodInitializing') {
    const told = newest(events)
    return told === undefined ? 'is being created' : `is being created, but ${told.reason}: ${told.message}`
  }
  if (waiting !== undefined)
    return `cannot start: ${waiting.reason}: ${waiting.message ?? 'no reason is given'}`
  if (terminated !== undefined && terminated.exitCode !== 0) {
    return `ended: ${exitOf(terminated)}; ${await logs(false)}`
  }
  if (running !== undefined && !status.ready) {
    const probe = newest(events.filter(({ reason }) => reason === 'Unhealthy'))
    const restarts = status.restartCount > 0 ? `, ${status.restartCount} restarts so far` : ''
    const why = probe === undefined ? 'its readiness probe has not succeeded yet' : probe.message
    const reason = await notReadyReason(cluster, { pod, container: status.name })
    const told = reason === undefined ? await logs(false) : `it says: ${reason}`
    return `runs but is not ready${restarts}: ${why}; ${told}`
  }
  return undefined
}

function withoutPods(owner: V1Deployment | V1Job): string[] {
  const conditions: { type: string; status: string; reason?: string; message?: string }[] =
    owner.status?.conditions ?? []
  const telling = conditions.filter(
    ({ type, status }) =>
      (type === 'ReplicaFailure' && status === 'True') ||
      (type === 'Failed' && status === 'True') ||
      (type === 'Progressing' && status === 'False'),
  )
  if (telling.length > 0) return telling.map(({ reason, message }) => `${reason}: ${message}`)
  return [
    'all its pods are ready, but the rollout is not over: old pods are still ending, or are not available yet',
  ]
}

function isFine(pod: V1Pod): boolean {
  return isReady(pod) || pod.status?.phase === 'Succeeded' || pod.metadata?.deletionTimestamp !== undefined
}

function exitOf(ended: { exitCode: number; reason?: string; signal?: number } | undefined): string {
  if (ended === undefined) return 'how it ended is not known'
  return ended.signal ? `signal ${ended.signal}` : `exit code ${ended.exitCode}`
}

/** The warnings about a pod. */
async function eventsOf({ core, namespace }: Cluster, pod: V1Pod): Promise<CoreV1Event[]> {
  const fieldSelector = `involvedObject.name=${nameOf(pod)},type=Warning`
  return (await core.listNamespacedEvent({ namespace, fieldSelector })).items
}

function newest(events: readonly CoreV1Event[]): CoreV1Event | undefined {
  return events.toSorted((a, b) => eventAt(a) - eventAt(b)).at(-1)
}

/** When an event happened last; there are three places for it, by the age of who wrote it. */
export function eventAt({ lastTimestamp, eventTime, metadata }: CoreV1Event): number {
  return new Date(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? 0).getTime()
}

function createdAt({ metadata }: V1Pod): number {
  return new Date(metadata?.creationTimestamp ?? 0).getTime()
}

/** What the process itself gave as the reason last, unless it has been ready since. */
async function notReadyReason(
  { core, namespace }: Cluster,
  { pod, container }: { pod: V1Pod; container: string },
): Promise<string | undefined> {
  const asked = {
    name: nameOf(pod),
    namespace,
    container,
    tailLines: SEARCHED_LINES,
    limitBytes: SEARCHED_BYTES,
  }
  const text = await core.readNamespacedPodLog(asked).catch(() => '')
  const last = text
    .split('\n')
    .map(parseLine)
    .findLast(({ msg }) => msg === 'not ready' || msg === 'ready again')
  return last?.reason
}

function parseLine(line: string): { msg?: string; reason?: string } {
  try {
    return JSON.parse(line) ?? {}
  } catch {
    return {}
  }
}

async function lastLogLines(
  { core, namespace }: Cluster,
  { pod, container, previous }: { pod: V1Pod; container: string; previous: boolean },
): Promise<string> {
  try {
    const name = nameOf(pod)
    const asked = { name, namespace, container, previous, tailLines: LOG_LINES }
    const text = (await core.readNamespacedPodLog(asked)).slice(-LOG_BYTES).trim()
    if (text === '') return 'it has logged nothing'
    return `its last log lines are:\n${text.replaceAll(/^/gm, '      ')}`
  } catch {
    return 'its log cannot be read'
  }
}
