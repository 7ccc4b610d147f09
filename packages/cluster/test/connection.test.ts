import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { freePort } from '@urbanbloom/local/ports'
import { expect, onTestFinished, test } from 'vitest'
import { isLocalCluster } from '../src/connection.ts'
import { askConsent } from '../src/consent.ts'
import { kubeconfigOf, startFakeCluster } from './fake-cluster.ts'
import { runCluster } from './run-cluster.ts'
import { healthyState, warning } from './workload-builders.ts'

async function kubeconfigWith(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'urbanbloom-kubeconfig-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'config')
  await writeFile(file, text)
  return file
}

test('without a kubeconfig it says how to get a cluster', async () => {
  const { code, output } = await runCluster('', 'status')
  expect(code).toBe(1)
  expect(output).toMatch(/^No Kubernetes context is chosen \(there are: none\)\. Make a cluster/)
})

test('a kubeconfig that is not there or not readable is named', async () => {
  expect((await runCluster('/nonexistent/config', 'status')).output).toMatch(
    /^The kubeconfig \/nonexistent\/config cannot be read: ENOENT/,
  )
})

test('an API that nobody serves, and one that never answers, are one sentence within 10 s', async () => {
  const unused = `http://127.0.0.1:${await freePort()}`
  const refused = await kubeconfigWith(kubeconfigOf(unused, 'kind-gone'))
  expect((await runCluster(refused, 'status')).output).toContain(
    `The cluster of the context "kind-gone" cannot be asked at ${unused}: ECONNREFUSED. Does it run`,
  )

  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void silent.close())
  const { port } = silent.address() as { port: number }
  const file = await kubeconfigWith(kubeconfigOf(`http://127.0.0.1:${port}`, 'kind-silent'))
  const began = performance.now()
  const { code, output } = await runCluster(file, 'status')
  expect(code).toBe(1)
  expect(output).toContain('no answer came within 10 s')
  expect(performance.now() - began).toBeLessThan(14_000)
})

test('a cluster without UrbanBloom is told how to get it', async () => {
  const { kubeconfig } = await startFakeCluster(healthyState([]))
  expect((await runCluster(kubeconfig, 'status')).output).toMatch(
    /^UrbanBloom is not in the namespace "urbanbloom".*kubectl apply -k/,
  )
})

test('status shows rollouts, pods, restarts, autoscalers and warnings', async () => {
  const state = healthyState(['gateway', 'order'])
  state.events.push(warning('order-a', 'Unhealthy', 'Liveness probe failed'))
  state.autoscalers.push({
    metadata: { name: 'order' },
    spec: {
      scaleTargetRef: { kind: 'Deployment', name: 'order' },
      minReplicas: 2,
      maxReplicas: 6,
      metrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
        },
      ],
    },
    status: {
      currentReplicas: 3,
      desiredReplicas: 3,
      currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 81 } } }],
    },
  })
  const { kubeconfig } = await startFakeCluster(state)
  const { code, output } = await runCluster(kubeconfig, 'status')
  expect(code).toBe(0)
  expect(output).toMatch(/order +2\/2 +2 +complete/)
  expect(output).toMatch(/order-a +yes +Running +0 +\ds +node-1/)
  expect(output).toMatch(/order +3 +2 +6 +cpu 81 % of 70 %/)
  expect(output).toMatch(/3 times: Pod order-a: Unhealthy: Liveness probe failed/)
})

test('a cluster that is not local is not touched without a yes', async () => {
  const state = healthyState(['gateway', 'order'])
  const { kubeconfig } = await startFakeCluster(state, {
    context: 'arn:aws:eks:us-east-1:1:cluster/urbanbloom-cluster',
  })
  const { code, output } = await runCluster(kubeconfig, 'drill')
  expect(code).toBe(1)
  expect(output).toMatch(/^This restarts every Deployment.* which is not on this machine: add --yes/)
  expect(state.changes).toEqual([])
})

test('only a local name at a local address is local', () => {
  expect(isLocalCluster('kind-test', 'https://127.0.0.1:6443')).toBe(true)
  expect(isLocalCluster('kind-test', 'https://[::1]:6443')).toBe(true)
  expect(isLocalCluster('minikube', 'https://192.168.49.2:8443')).toBe(true)
  expect(isLocalCluster('docker-desktop', 'https://kubernetes.docker.internal:6443')).toBe(true)
  expect(isLocalCluster('kind-prod', 'https://prod.example:6443')).toBe(false)
  expect(isLocalCluster('kind-prod', 'https://127.0.0.1.prod.example')).toBe(false)
  expect(isLocalCluster('production', 'https://127.0.0.1:6443')).toBe(false)
})

test('at a terminal it asks, and only yes goes on', async () => {
  const ask = async (answer: string) => {
    const input = Object.assign(new PassThrough(), { isTTY: true })
    const output = new PassThrough({ encoding: 'utf8' })
    const cluster = {
      context: 'production',
      server: 'https://eks.example',
      namespace: 'urbanbloom',
      isLocal: false,
    }
    const asked = askConsent(cluster, 'drains a node', { yes: false, input, output })
    input.end(`${answer}\n`)
    const outcome = await asked.then(
      () => 'goes on',
      (err: Error) => err.message,
    )
    return { outcome, question: String(output.read()) }
  }
  expect(await ask('y')).toEqual({
    outcome: 'goes on',
    question: expect.stringContaining('in the context "production" (https://eks.example)'),
  })
  expect((await ask('')).outcome).toBe('Nothing was done.')
})
