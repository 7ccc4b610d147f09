import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { V1Probe } from '@kubernetes/client-node'
import { databaseEnvironment } from '@urbanbloom/service-kit/config'
import { CLOSE_LIMIT_MS } from '@urbanbloom/service-kit/lifecycle'
import { load } from 'js-yaml'
import { describe, expect, test } from 'vitest'
import { IDLE_MAX_MS } from '../../../services/gateway/src/upstream.ts'
import {
  isService,
  type Manifest,
  mainContainer,
  ofKind,
  type Workload,
  workload,
  workloadsOf,
} from '../src/manifest.ts'
import { selects } from '../src/network.ts'
import { configOf, repository } from '../src/program.ts'
import { quantity } from '../src/quantity.ts'
import { componentNames, renderFolder, renderWith } from '../src/render.ts'

const variants: Record<string, Manifest[]> = {
  local: await renderFolder('overlays/local'),
  production: await renderFolder('overlays/production'),
  'every component': await renderWith(await componentNames()),
}
const { production = [], local = [] } = variants

/** What a request gets at the most where its caller says nothing else. */
const REQUEST_LIMIT_MS = 10_000
/** Between the process's own limit and the kubelet's SIGKILL. */
const SPARE_SECONDS = 4

const namesIn = (manifests: readonly Manifest[], kind: string) =>
  manifests.filter((each) => each.kind === kind).map(({ metadata }) => metadata.name)

describe.each(Object.entries(variants))('%s', (_variant, manifests) => {
  const pods = workloadsOf(manifests)
  const services = pods.filter(isService)
  const deploymentOf = ({ name }: Workload) =>
    ofKind(manifests, 'Deployment').find(({ metadata }) => metadata.name === name)

  test('every pod keeps to the restricted Pod Security, which the namespace enforces', () => {
    const namespace = manifests.find(({ kind }) => kind === 'Namespace')
    expect(namespace?.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' })
    for (const { name, spec, containers } of pods) {
      expect(spec.securityContext, name).toMatchObject({
        runAsNonRoot: true,
        runAsUser: expect.any(Number),
        seccompProfile: { type: 'RuntimeDefault' },
      })
      expect([spec.hostNetwork, spec.hostPID, spec.hostIPC], name).toEqual([undefined, undefined, undefined])
      for (const volume of spec.volumes ?? []) {
        expect(volume.hostPath, name).toBeUndefined()
        if (volume.emptyDir !== undefined) expect(volume.emptyDir.sizeLimit, name).toBeDefined()
      }
      for (const { securityContext, ports = [] } of containers) {
        expect(securityContext, name).toMatchObject({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
        expect(ports.map(({ hostPort }) => hostPort).filter(Boolean)).toEqual([])
      }
    }
  })

  test('every pod has an account of its own without a token', () => {
    const accounts = manifests.filter(({ kind }) => kind === 'ServiceAccount') as (Manifest & {
      automountServiceAccountToken?: boolean
    })[]
    expect(accounts.filter((each) => each.automountServiceAccountToken !== false)).toEqual([])
    const names = pods.map(({ spec }) => spec.serviceAccountName)
    expect(new Set(names).size).toBe(names.length)
    expect(namesIn(manifests, 'ServiceAccount')).toEqual(expect.arrayContaining(names))
    expect(pods.filter(({ spec }) => spec.automountServiceAccountToken !== false)).toEqual([])
  })

  test('every container says what it needs and what it may take', () => {
    for (const { name, containers } of pods) {
      for (const { resources } of containers) {
        for (const unit of ['cpu', 'memory']) {
          const request = quantity(resources?.requests?.[unit])
          expect(request, `${name} ${unit}`).toBeLessThanOrEqual(quantity(resources?.limits?.[unit]))
        }
      }
    }
  })

  test('probes name ports that exist, and ask three different things', () => {
    for (const pod of pods.filter(({ kind }) => kind !== 'Job')) {
      const { startupProbe, readinessProbe, livenessProbe, ports = [] } = mainContainer(pod)
      for (const probe of [startupProbe, readinessProbe, livenessProbe]) {
        const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port
        if (probe?.exec === undefined)
          expect(
            ports.map(({ name }) => name),
            pod.name,
          ).toContain(port)
      }
    }
    for (const pod of services) {
      const { startupProbe, readinessProbe, livenessProbe } = mainContainer(pod)
      const pathOf = (probe: V1Probe | undefined) => probe?.httpGet?.path
      // Only readiness may depend on the database: restarting a pod because of it would help nobody.
      expect([startupProbe, readinessProbe, livenessProbe].map(pathOf), pod.name).toEqual([
        '/livez',
        '/readyz',
        '/livez',
      ])
      const secondsOf = (probe: V1Probe | undefined) =>
        (probe?.periodSeconds ?? 10) * (probe?.failureThreshold ?? 3)
      expect(secondsOf(readinessProbe), pod.name).toBeLessThan(secondsOf(livenessProbe))
      expect(secondsOf(livenessProbe), pod.name).toBeLessThan(secondsOf(startupProbe))
    }
  })

  test('what a pod is granted for stopping is what its process takes', async () => {
    for (const pod of services) {
      const { lifecycle, readinessProbe } = mainContainer(pod)
      const preStopSeconds = lifecycle?.preStop?.sleep?.seconds ?? 0
      const granted = pod.spec.terminationGracePeriodSeconds ?? 30
      const needed = preStopSeconds + CLOSE_LIMIT_MS / 1000 + SPARE_SECONDS
      expect(granted, pod.name).toBeGreaterThanOrEqual(needed)

      const config = (await configOf(manifests, pod)) as StoppingConfig
      const drainDelayMs = config.http?.drainDelayMs ?? config.drainDelayMs ?? 0
      const { periodSeconds = 10, failureThreshold = 3 } = readinessProbe ?? {}
      // A container that restarts in its place leaves the Service by its readiness alone.
      expect(drainDelayMs, pod.name).toBeGreaterThanOrEqual(periodSeconds * failureThreshold * 1000)
      // What the gateway keeps open and idle ends before the process that it leads to.
      expect(drainDelayMs, pod.name).toBeGreaterThan(IDLE_MAX_MS)
      const workMs = config.timeouts?.checkoutMs ?? config.planTimeLimitMs ?? REQUEST_LIMIT_MS
      expect(drainDelayMs + workMs, pod.name).toBeLessThan(CLOSE_LIMIT_MS)
    }
  })

  test('a rollout never takes a healthy pod away before its successor is ready, and ends', () => {
    for (const pod of services) {
      const { spec } = deploymentOf(pod) ?? {}
      expect(spec?.strategy, pod.name).toEqual({
        type: 'RollingUpdate',
        rollingUpdate: { maxUnavailable: 0, maxSurge: 1 },
      })
      expect(spec?.minReadySeconds, pod.name).toBeGreaterThan(0)
      const { startupProbe } = mainContainer(pod)
      const startSeconds = (startupProbe?.periodSeconds ?? 10) * (startupProbe?.failureThreshold ?? 3)
      expect(spec?.progressDeadlineSeconds, pod.name).toBeGreaterThan(2 * startSeconds)
    }
  })

  test('each service runs at least twice, scales, and a drain takes one pod at a time', () => {
    const scaled = scalesOf(manifests)
    for (const pod of services) {
      // A number here would undo what the autoscaler has chosen, at every apply.
      expect(deploymentOf(pod)?.spec?.replicas, pod.name).toBeUndefined()
      const { min = 0, max = 0 } = scaled.get(pod.name) ?? {}
      expect(min, pod.name).toBeGreaterThanOrEqual(2)
      expect(max, pod.name).toBeGreaterThan(min)
      const budgets = ofKind(manifests, 'PodDisruptionBudget').filter(({ spec }) =>
        selects(spec?.selector, pod.labels),
      )
      expect(budgets, pod.name).toHaveLength(1)
      const allowed = Number(budgets[0]?.spec?.maxUnavailable)
      expect(allowed, pod.name).toBeGreaterThan(0)
      expect(allowed, pod.name).toBeLessThan(min)
    }
    expect([...scaled.keys()].toSorted()).toEqual(services.map(({ name }) => name).toSorted())
  })

  test('replicas spread over nodes and zones', () => {
    for (const { name, spec, labels } of services) {
      const constraints = spec.topologySpreadConstraints ?? []
      expect(
        constraints.map(({ topologyKey }) => topologyKey),
        name,
      ).toEqual(['kubernetes.io/hostname', 'topology.kubernetes.io/zone'])
      for (const { labelSelector } of constraints) expect(selects(labelSelector, labels), name).toBe(true)
    }
  })

  test('every selector means exactly its own pods', () => {
    for (const each of [...ofKind(manifests, 'Deployment'), ...ofKind(manifests, 'StatefulSet')]) {
      const meant = pods.filter(({ labels }) => selects(each.spec?.selector, labels))
      expect(meant.map(({ name }) => name)).toEqual([each.metadata.name])
    }
  })

  test('every Service selects something that has its port', () => {
    for (const { metadata, spec } of ofKind(manifests, 'Service')) {
      const meant = pods.filter(({ labels }) => selects({ matchLabels: spec?.selector }, labels))
      expect(meant, metadata.name).not.toEqual([])
      for (const pod of meant) {
        const ports = mainContainer(pod).ports ?? []
        for (const { targetPort } of spec?.ports ?? []) {
          expect(ports.flatMap(({ name, containerPort }) => [name, containerPort])).toContain(targetPort)
        }
      }
    }
  })

  test('every map that is made is used, under the name that its content gives it', () => {
    const text = JSON.stringify(pods)
    const maps = manifests.filter(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name !== 'parameters',
    )
    expect(maps.length).toBeGreaterThan(7)
    for (const { metadata } of maps) {
      expect(metadata.name).toMatch(/-[a-z0-9]{10}$/)
      expect(text).toContain(`"${metadata.name}"`)
    }
  })

  test('every image of ours is one that the repository builds', () => {
    const compose = load(readFileSync(path.join(repository, 'docker/compose.yaml'), 'utf8')) as {
      services: Record<string, { image: string; build?: { dockerfile: string } }>
    }
    const built = new Map(
      Object.values(compose.services).map(({ image, build }) => [image, build?.dockerfile ?? '']),
    )
    for (const { containers } of pods) {
      for (const { image = '', imagePullPolicy, terminationMessagePolicy } of containers) {
        const ours = /urbanbloom\/[\w-]+/.exec(image)?.[0]
        if (ours === undefined)
          expect(built.has(image), `${image} is the one of docker/compose.yaml`).toBe(true)
        else expect(existsSync(path.join(repository, built.get(ours) ?? 'none')), ours).toBe(true)
        expect(imagePullPolicy).toBe('IfNotPresent')
        // `kubectl describe` then shows what the program said last.
        if (ours !== undefined) expect(terminationMessagePolicy, ours).toBe('FallbackToLogsOnError')
      }
    }
  })
})

test('production: one release for all images, and a migration of its own for it', () => {
  const parameters = production.find(({ metadata }) => metadata.name === 'parameters')?.data ?? {}
  const images = workloadsOf(production).map((pod) => mainContainer(pod).image ?? '')
  for (const image of images.filter((each) => each.includes('urbanbloom/'))) {
    expect(image).toMatch(/^\d{12}\.dkr\.ecr\.us-east-1\.amazonaws\.com\/urbanbloom\/[\w-]+:[\w.-]+$/)
    expect(image).toContain(`${parameters.account}.`)
    expect(image.endsWith(`:${parameters.release}`)).toBe(true)
    expect(image.endsWith(':latest')).toBe(false)
  }
  expect(namesIn(production, 'Job')).toEqual([`migrate-${parameters.release}`])
})

test('production: every parameter arrives', () => {
  const { data = {} } = production.find(({ metadata }) => metadata.name === 'parameters') ?? {}
  const rest = JSON.stringify(production.filter(({ metadata }) => metadata.name !== 'parameters'))
  for (const [name, value] of Object.entries(data)) expect(rest, name).toContain(value)
  // What stands in the manifests for a parameter is nowhere left.
  expect(rest).not.toMatch(/123456789012|shop\.example\.com|0\.0\.0\.0\/32|:release"/)
  const ingress = production.find(({ kind }) => kind === 'Ingress') as Manifest & {
    spec: {
      tls: { hosts: string[] }[]
      rules: {
        host: string
        http: { paths: { backend: { service: { name: string; port: { name: string } } } }[] }
      }[]
    }
  }
  const [rule] = ingress.spec.rules
  expect([rule?.host, ingress.spec.tls[0]?.hosts[0]]).toEqual([data.host, data.host])
  const backend = rule?.http.paths[0]?.backend.service
  const service = ofKind(production, 'Service').find(({ metadata }) => metadata.name === backend?.name)
  expect(service?.spec?.ports?.map(({ name }) => name)).toContain(backend?.port.name)
})

test('all pools together fit into what Postgres accepts, also during a rollout', () => {
  const args = mainContainer(workload(local, 'postgres')).args ?? []
  const accepted = Number(/max_connections=(\d+)/.exec(args.join(' '))?.[1])
  const scales = scalesOf(production)
  const pods = workloadsOf(production).filter(
    (pod) => isService(pod) && pod.labels['urbanbloom.example/uses-postgres'] === 'true',
  )
  const poolSize = databaseEnvironment.DATABASE_POOL_SIZE.parse(undefined)
  const most = pods.map(({ name }) => ((scales.get(name)?.max ?? 0) + 1) * poolSize)
  // Ten are for the migration, Prometheus, Grafana and a person.
  expect(most.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(accepted - 10)
})

test('the least that runs fits on two of the three nodes, the most on five', () => {
  /** What a t3.medium leaves to pods, less 350 m and 700 MiB of the cluster's own. */
  const node = { cpu: 1.93 - 0.35, memory: 3.2 * 2 ** 30 - 700 * 2 ** 20 }
  const scales = scalesOf(production)
  const sum = (unit: 'cpu' | 'memory', replicas: 'min' | 'max') =>
    workloadsOf(production)
      .filter(({ kind }) => kind !== 'Job')
      .map((pod) => {
        const request = quantity(mainContainer(pod).resources?.requests?.[unit])
        return request * (scales.get(pod.name)?.[replicas] ?? 1)
      })
      .reduce((total, each) => total + each, 0)
  for (const unit of ['cpu', 'memory'] as const) {
    expect(sum(unit, 'min')).toBeLessThan(2 * node[unit])
    expect(sum(unit, 'max')).toBeLessThan(5 * node[unit])
  }
})

type StoppingConfig = {
  http?: { drainDelayMs: number }
  drainDelayMs?: number
  timeouts?: { checkoutMs: number }
  planTimeLimitMs?: number
}

type ScaledObject = {
  spec: { scaleTargetRef: { name: string }; minReplicaCount: number; maxReplicaCount: number }
}

/** By Deployment, between how many replicas an autoscaler chooses. A Deployment that does not exist, or two for one, fails. */
function scalesOf(manifests: readonly Manifest[]): Map<string, { min: number; max: number }> {
  const deployments = namesIn(manifests, 'Deployment')
  const scales = new Map<string, { min: number; max: number }>()
  const add = (name: string, min: number, max: number) => {
    expect(deployments).toContain(name)
    expect(scales.has(name), `${name} has one autoscaler`).toBe(false)
    scales.set(name, { min, max })
  }
  for (const { spec } of ofKind(manifests, 'HorizontalPodAutoscaler')) {
    add(spec?.scaleTargetRef.name ?? '', spec?.minReplicas ?? 1, spec?.maxReplicas ?? 0)
  }
  for (const each of manifests.filter(({ kind }) => kind === 'ScaledObject')) {
    const { scaleTargetRef, minReplicaCount, maxReplicaCount } = (each as unknown as ScaledObject).spec
    add(scaleTargetRef.name, minReplicaCount, maxReplicaCount)
  }
  return scales
}
