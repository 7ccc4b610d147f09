import { setTimeout as delay } from 'node:timers/promises'
import { PatchStrategy, setHeaderOptions, type V1Deployment, type V1Pod } from '@kubernetes/client-node'
import { statusOf } from './api-error.ts'
import type { Cluster } from './connection.ts'
import { waitForRollouts } from './rollouts.ts'
import { expectDeployments, isReplaceable, listPods, nameOf, podsOf } from './workloads.ts'

const EVICT_EVERY_MS = 2_000

export type Disruption = { what: string; seconds: number }

type Options = { limitMs: number; say: (line: string) => void }

/** What the drill does to a cluster, one thing after the other, each until everything is whole again. */
export async function disrupt(cluster: Cluster, options: Options): Promise<Disruption[]> {
  const done: Disruption[] = []
  const timed = async (what: string, work: () => Promise<void>) => {
    const begin = performance.now()
    await work()
    const seconds = (performance.now() - begin) / 1_000
    done.push({ what, seconds })
    options.say(`${what}: whole again after ${seconds.toFixed(0)} s`)
  }
  const deployments = (await expectDeployments(cluster)).filter(isReplaceable)
  for (const deployment of deployments) {
    await timed(`restarted ${nameOf(deployment)}`, () => restart(cluster, deployment, options))
  }
  for (const deployment of deployments.filter(hasSeveral)) {
    await timed(`deleted a pod of ${nameOf(deployment)}`, () => deleteOnePod(cluster, deployment, options))
    await timed(`scaled ${nameOf(deployment)} up and down`, () =>
      scaleUpAndDown(cluster, deployment, options),
    )
  }
  const node = await chooseNode(cluster)
  if (node === undefined)
    options.say('No node is drained, because there is no second one that could take its pods.')
  else await timed(`drained ${node}`, () => drain(cluster, node, options))
  return done
}

/** As `kubectl rollout restart` does it. */
async function restart(cluster: Cluster, deployment: V1Deployment, options: Options): Promise<void> {
  const { apps, namespace } = cluster
  const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString() }
  await apps.patchNamespacedDeployment(
    { name: nameOf(deployment), namespace, body: { spec: { template: { metadata: { annotations } } } } },
    setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
  )
  await waitForRollouts(cluster, { ...options, only: [nameOf(deployment)] })
}

async function deleteOnePod(cluster: Cluster, deployment: V1Deployment, options: Options): Promise<void> {
  const { core, namespace } = cluster
  const [pod] = podsOf(deployment, await listPods(cluster))
  if (pod === undefined) return
  await core.deleteNamespacedPod({ name: nameOf(pod), namespace })
  await untilGone(cluster, [pod], options.limitMs)
  await waitForRollouts(cluster, { ...options, only: [nameOf(deployment)] })
}

/**
 * Adds a pod and takes one away again, in this order, so that there are never fewer than the autoscaler and the
 * disruption budget want.
 */
async function scaleUpAndDown(cluster: Cluster, deployment: V1Deployment, options: Options): Promise<void> {
  const name = nameOf(deployment)
  const { spec } = await cluster.apps.readNamespacedDeployment({ name, namespace: cluster.namespace })
  const before = spec?.replicas ?? 1
  await withUndo(
    () => scale(cluster, name, before),
    async () => {
      await scale(cluster, name, before + 1)
      await waitForRollouts(cluster, { ...options, only: [name] })
    },
  )
  await waitForRollouts(cluster, { ...options, only: [name] })
  const ending = podsOf(deployment, await listPods(cluster)).filter(
    ({ metadata }) => metadata?.deletionTimestamp !== undefined,
  )
  await untilGone(cluster, ending, options.limitMs)
}

async function scale({ apps, namespace }: Cluster, name: string, replicas: number): Promise<void> {
  await apps.patchNamespacedDeploymentScale(
    { name, namespace, body: { spec: { replicas } } },
    setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
  )
}

/** Undoes what `work` has done however it ends, also when the drill is broken off. */
async function withUndo(undo: () => Promise<void>, work: () => Promise<void>): Promise<void> {
  const onSignal = () => void undo().finally(() => process.exit(130))
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  try {
    await work()
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
    await undo()
  }
}

/**
 * Closes a node for new pods, evicts ours from it within what the disruption budgets allow, and opens it again. Pods
 * of others, and ours that exist only once, stay where they are.
 */
async function drain(cluster: Cluster, node: string, options: Options): Promise<void> {
  const reopen = () => setSchedulable(cluster, node, true)
  await withUndo(reopen, async () => {
    await setSchedulable(cluster, node, false)
    const deployments = (await expectDeployments(cluster)).filter(isReplaceable).filter(hasSeveral)
    const onNode = (await listPods(cluster)).filter((pod) => pod.spec?.nodeName === node)
    const movable = deployments.flatMap((deployment) => podsOf(deployment, onNode))
    const staying = onNode.filter((pod) => !movable.includes(pod)).map(nameOf)
    if (staying.length > 0) options.say(`These exist only once and stay on ${node}: ${staying.join(', ')}`)
    for (const pod of movable) await evict(cluster, pod, options.limitMs)
    await untilGone(cluster, movable, options.limitMs)
    await waitForRollouts(cluster, { ...options, only: deployments.map(nameOf) })
  })
}

async function setSchedulable({ core }: Cluster, name: string, isSchedulable: boolean): Promise<void> {
  await core.patchNode(
    { name, body: { spec: { unschedulable: isSchedulable ? null : true } } },
    setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
  )
}

/** Asks until the budget allows it: 429 says that it does not at this moment. */
async function evict({ core, namespace }: Cluster, pod: V1Pod, limitMs: number): Promise<void> {
  const name = nameOf(pod)
  const end = performance.now() + limitMs
  for (;;) {
    try {
      await core.createNamespacedPodEviction({ name, namespace, body: { metadata: { name, namespace } } })
      return
    } catch (err) {
      if (statusOf(err) === 404) return
      if (statusOf(err) !== 429 || performance.now() > end) throw err
      await delay(EVICT_EVERY_MS)
    }
  }
}

/** The node with most of our pods, where another one can take them. */
async function chooseNode(cluster: Cluster): Promise<string | undefined> {
  const [nodes, pods] = await Promise.all([cluster.core.listNode(), listPods(cluster)])
  const usable = nodes.items.filter(({ spec }) => {
    const isClosed = (spec?.taints ?? []).some(
      ({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute',
    )
    return spec?.unschedulable !== true && !isClosed
  })
  if (usable.length < 2) return undefined
  const countOn = (node: string) => pods.filter(({ spec }) => spec?.nodeName === node).length
  return usable.map(nameOf).toSorted((a, b) => countOn(b) - countOn(a))[0]
}

async function untilGone(cluster: Cluster, pods: readonly V1Pod[], limitMs: number): Promise<void> {
  const gone = new Set(pods.map(({ metadata }) => metadata?.uid))
  const end = performance.now() + limitMs
  for (;;) {
    const left = (await listPods(cluster)).filter(({ metadata }) => gone.has(metadata?.uid))
    if (left.length === 0) return
    if (performance.now() > end) {
      throw new Error(`After ${limitMs / 1_000} s these pods have not ended: ${left.map(nameOf).join(', ')}`)
    }
    await delay(500)
  }
}

function hasSeveral({ spec }: V1Deployment): boolean {
  return (spec?.replicas ?? 1) > 1
}
