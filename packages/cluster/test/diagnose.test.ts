import type { V1ContainerStatus, V1Job } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { startFakeCluster } from './fake-cluster.ts'
import { runCluster } from './run-cluster.ts'
import { deployment, healthyState, labelsOf, pod, warning } from './workload-builders.ts'

/** A cluster in which one new pod of `order` is as `container` says, beside two old ones that are well. */
async function clusterWith(container: Partial<V1ContainerStatus>, conditions?: Parameters<typeof pod>[3]) {
  const state = healthyState(['gateway', 'order'])
  state.deployments[1] = deployment('order', { replicas: 3, updatedReplicas: 1 })
  state.pods.push(pod('order', 'new', container, conditions))
  return startFakeCluster(state)
}

async function verdict({ kubeconfig }: { kubeconfig: string }): Promise<string> {
  const { code, output } = await runCluster(kubeconfig, 'verify', '--timeout', '0.3')
  expect(code).toBe(1)
  expect(output).toContain('Not all is well after')
  return output
}

const describedAs = 'Deployment order: pod order-new'

test('a wrong image tag: what the registry said', async () => {
  const image = 'registry.example/order:typo'
  const cluster = await clusterWith({
    image,
    state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off' } },
  })
  const message = `Failed to pull image "${image}": not found`
  cluster.state.events.push(
    warning('order-new', 'BackOff', 'Error: ImagePullBackOff'),
    warning('order-new', 'Failed', message),
  )
  expect(await verdict(cluster)).toContain(`${describedAs} cannot pull the image ${image}: ${message}`)
})

test('a missing secret: which', async () => {
  const message = 'secret "internal-token" not found'
  const cluster = await clusterWith({ state: { waiting: { reason: 'CreateContainerConfigError', message } } })
  expect(await verdict(cluster)).toContain(
    `${describedAs} cannot start: CreateContainerConfigError: ${message}`,
  )
})

test('a process that ends: how, how often, and the last lines of the one before', async () => {
  const cluster = await clusterWith({
    ready: false,
    restartCount: 4,
    state: { waiting: { reason: 'CrashLoopBackOff' } },
    lastState: { terminated: { exitCode: 1, reason: 'Error' } },
  })
  cluster.state.logs['order-new previous'] = JSON.stringify({
    level: 'fatal',
    msg: 'The configuration cannot be used: PAYMENT_URL is not set',
  })
  const told = await verdict(cluster)
  expect(told).toContain(
    `${describedAs} keeps ending, 4 restarts so far: exit code 1; its last log lines are:`,
  )
  expect(told).toContain('PAYMENT_URL is not set')
})

test('too little memory', async () => {
  const cluster = await clusterWith({
    ready: false,
    restartCount: 2,
    state: { waiting: { reason: 'CrashLoopBackOff' } },
    lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
  })
  expect(await verdict(cluster)).toContain('used more memory than its limit and was killed')
})

test('a database that is away: the failing probe and the log line with the reason', async () => {
  const cluster = await clusterWith({ ready: false, state: { running: {} } })
  const message = 'Readiness probe failed: HTTP probe failed with statuscode: 503'
  cluster.state.events.push(warning('order-new', 'Unhealthy', message))
  const reason = 'Nothing answers at db.example:5432 (ECONNREFUSED): check that Postgres runs'
  cluster.state.logs['order-new'] = [
    'starting',
    JSON.stringify({ msg: 'not ready', reason: 'an older reason' }),
    JSON.stringify({ msg: 'ready again' }),
    JSON.stringify({ msg: 'not ready', reason }),
    ...Array<string>(50).fill(JSON.stringify({ msg: 'request', route: '/v1/orders', status: 503 })),
  ].join('\n')
  expect(await verdict(cluster)).toContain(
    `${describedAs} runs but is not ready: ${message}; it says: ${reason}`,
  )
})

test('a process that has been ready since it gave a reason: its last log lines', async () => {
  const cluster = await clusterWith({ ready: false, state: { running: {} } })
  cluster.state.logs['order-new'] = [
    JSON.stringify({ msg: 'not ready', reason: 'long over' }),
    JSON.stringify({ msg: 'ready again' }),
    'the event loop hangs',
  ].join('\n')
  const told = await verdict(cluster)
  expect(told).toContain('its last log lines are:')
  expect(told).toContain('      the event loop hangs')
  expect(told).not.toContain('it says')
})

test('no room: what the scheduler said', async () => {
  const message = '0/3 nodes are available: 3 Insufficient cpu.'
  const cluster = await clusterWith({ ready: false, state: {} }, [
    { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message },
  ])
  expect(await verdict(cluster)).toContain(`${describedAs} finds no node: ${message}`)
})

test('a volume that does not come', async () => {
  const cluster = await clusterWith({ ready: false, state: { waiting: { reason: 'ContainerCreating' } } })
  const message = 'MountVolume.SetUp failed for volume "rds-ca": configmap "rds-ca" not found'
  cluster.state.events.push(warning('order-new', 'FailedMount', message))
  expect(await verdict(cluster)).toContain(`${describedAs} is being created, but FailedMount: ${message}`)
})

test('pods that may not be made: what the API refused', async () => {
  const state = healthyState(['order'])
  const message = 'pods "order-x" is forbidden: violates PodSecurity "restricted:latest"'
  state.deployments[0] = deployment('order', {
    updatedReplicas: 0,
    conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }],
  })
  expect(await verdict(await startFakeCluster(state))).toContain(`Deployment order: FailedCreate: ${message}`)
})

function migration(name: string, minutesAgo: number, condition: 'Complete' | 'Failed'): V1Job {
  const labels = { ...labelsOf('migrate'), job: name }
  return {
    metadata: { name, labels, creationTimestamp: new Date(Date.now() - minutesAgo * 60_000) },
    spec: { selector: { matchLabels: { job: name } }, template: {} },
    status: { conditions: [{ type: condition, status: 'True' }] },
  }
}

test('a migration that has failed for good is told at once, and an older one that failed is no matter', async () => {
  const state = healthyState(['order'])
  // Newest first, as nothing promises the order.
  state.jobs.push(migration('migrate-2', 1, 'Failed'), migration('migrate-1', 60, 'Complete'))
  const { kubeconfig } = await startFakeCluster(state)
  const failing = await runCluster(kubeconfig, 'verify', '--timeout', '3600')
  expect(failing).toMatchObject({
    code: 1,
    output: expect.stringMatching(/failed and is not tried again:\n.*migrate-2/),
  })

  state.jobs = [migration('migrate-3', 0, 'Complete'), migration('migrate-2', 1, 'Failed')]
  const { output } = await runCluster(kubeconfig, 'verify', '--timeout', '0.3')
  expect(output).toContain('✓ Every Deployment runs its newest version only')
})

test('a migration that fails: its last log lines', async () => {
  const state = healthyState(['order'])
  const labels = labelsOf('migrate')
  state.jobs.push({
    metadata: { name: 'migrate-1', labels },
    spec: { selector: { matchLabels: { 'app.kubernetes.io/name': 'migrate' } }, template: {} },
    status: {},
  })
  state.pods.push(pod('migrate', 'x', { ready: false, state: { terminated: { exitCode: 1 } } }))
  state.logs['migrate-x'] = 'The database does not answer: ECONNREFUSED'
  const told = await verdict(await startFakeCluster(state))
  expect(told).toContain('Job migrate-1: pod migrate-x ended: exit code 1; its last log lines are:')
  expect(told).toContain('      The database does not answer: ECONNREFUSED')
})
