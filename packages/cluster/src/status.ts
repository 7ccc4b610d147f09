import type { V1Deployment, V1Pod, V2HorizontalPodAutoscaler } from '@kubernetes/client-node'
import { table } from '@urbanbloom/drill/report'
import type { Cluster } from './connection.ts'
import { eventAt } from './diagnose.ts'
import { expectDeployments, isReady, isRolledOut, listPods, nameOf } from './workloads.ts'

const RECENT_MS = 60 * 60_000
const WARNINGS_SHOWN = 15

/** What is there and how it is: rollouts, pods, autoscalers and the warnings of the last hour. */
export async function describeStatus(cluster: Cluster): Promise<string> {
  const { autoscaling, core, namespace } = cluster
  const deployments = await expectDeployments(cluster)
  const [pods, autoscalers, events] = await Promise.all([
    listPods(cluster),
    autoscaling.listNamespacedHorizontalPodAutoscaler({ namespace }),
    core.listNamespacedEvent({ namespace, fieldSelector: 'type=Warning' }),
  ])
  const warnings = events.items
    .filter((event) => eventAt(event) > Date.now() - RECENT_MS)
    .toSorted((a, b) => eventAt(b) - eventAt(a))
    .slice(0, WARNINGS_SHOWN)
    .map((event) => {
      const { involvedObject: about, reason, message, count = 1 } = event
      return `  ${ago(eventAt(event))} ago, ${count} times: ${about.kind} ${about.name}: ${reason}: ${message}`
    })
  return [
    `${cluster.context}, namespace ${namespace}`,
    '',
    table([['deployment', 'ready', 'updated', 'rollout'], ...deployments.map(rolloutRow)]),
    '',
    table([['pod', 'ready', 'status', 'restarts', 'age', 'node'], ...pods.map(podRow)]),
    '',
    table([['autoscaler', 'replicas', 'from', 'to', 'metrics'], ...autoscalers.items.map(autoscalerRow)]),
    '',
    warnings.length === 0
      ? 'No warnings in the last hour.'
      : `Warnings of the last hour:\n${warnings.join('\n')}`,
  ].join('\n')
}

function rolloutRow(deployment: V1Deployment): string[] {
  const { spec, status } = deployment
  const wanted = spec?.replicas ?? 1
  const state = isRolledOut(deployment) ? 'complete' : stuckReason(deployment)
  return [
    nameOf(deployment),
    `${status?.readyReplicas ?? 0}/${wanted}`,
    String(status?.updatedReplicas ?? 0),
    state,
  ]
}

function stuckReason({ status }: V1Deployment): string {
  const failed = status?.conditions?.find(({ type, status: is }) => type === 'Progressing' && is === 'False')
  return failed?.reason ?? 'under way'
}

function podRow(pod: V1Pod): string[] {
  const statuses = pod.status?.containerStatuses ?? []
  const waiting = statuses.find(({ state }) => state?.waiting !== undefined)?.state?.waiting?.reason
  const isEnding = pod.metadata?.deletionTimestamp !== undefined
  return [
    nameOf(pod),
    isReady(pod) ? 'yes' : 'no',
    isEnding ? 'Terminating' : (waiting ?? pod.status?.phase ?? 'Unknown'),
    String(statuses.reduce((sum, { restartCount }) => sum + restartCount, 0)),
    ago(new Date(pod.metadata?.creationTimestamp ?? 0).getTime()),
    pod.spec?.nodeName ?? '–',
  ]
}

function autoscalerRow(autoscaler: V2HorizontalPodAutoscaler): string[] {
  const { spec, status } = autoscaler
  const metrics = (spec?.metrics ?? []).map((metric, index) => {
    const current = status?.currentMetrics?.[index]?.resource?.current.averageUtilization
    const target = metric.resource?.target.averageUtilization
    return `${metric.resource?.name ?? metric.type} ${current ?? '?'} % of ${target ?? '?'} %`
  })
  return [
    nameOf(autoscaler),
    String(status?.currentReplicas ?? 0),
    String(spec?.minReplicas ?? 1),
    String(spec?.maxReplicas ?? '?'),
    metrics.join(', '),
  ]
}

/** `45s`, `12m`, `3h`, `2d`. */
function ago(moment: number): string {
  const seconds = Math.max(0, Math.round((Date.now() - moment) / 1_000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3_600) return `${Math.round(seconds / 60)}m`
  if (seconds < 86_400) return `${Math.round(seconds / 3_600)}h`
  return `${Math.round(seconds / 86_400)}d`
}
