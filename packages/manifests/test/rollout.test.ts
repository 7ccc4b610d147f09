import type { V1Probe } from '@kubernetes/client-node'
import { CLOSE_LIMIT_MS } from '@urbanbloom/service-kit/lifecycle'
import { describe, expect, test } from 'vitest'
import { IDLE_MAX_MS } from '../../../services/gateway/src/upstream.ts'
import { loadBalancerOf } from '../src/load-balancer.ts'
import { isService, mainContainer, ofKind, type Workload, workloadsOf } from '../src/manifest.ts'
import { selects } from '../src/network.ts'
import { configOf } from '../src/program.ts'
import { scalesOf } from '../src/scaling.ts'
import { variants } from '../src/variants.ts'

/** What a request gets at the most where its caller says nothing else. */
const REQUEST_LIMIT_MS = 10_000
/** Between the process's own limit and the kubelet's SIGKILL. */
const SPARE_SECONDS = 4
/** For as long nodes and peers may send to a pod that has begun to leave. */
const ENDPOINTS_SECONDS = 5
/** The same of a load balancer outside of the cluster, which learns of it last. */
const LOAD_BALANCER_SECONDS = 15

type StoppingConfig = {
  http?: { drainDelayMs: number }
  drainDelayMs?: number
  timeouts?: Record<string, number>
  closeLimitMs?: number
  planTimeLimitMs?: number
}

describe.each(Object.entries(variants))('%s', (_variant, manifests) => {
  const pods = workloadsOf(manifests)
  const services = pods.filter(isService)
  const deploymentOf = ({ name }: Workload) =>
    ofKind(manifests, 'Deployment').find(({ metadata }) => metadata.name === name)

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

  test('a pod works on until nobody sends to it any more, and then has the time that its process takes', async () => {
    const loadBalancer = loadBalancerOf(manifests)
    for (const pod of services) {
      const { lifecycle, readinessProbe } = mainContainer(pod)
      const preStopSeconds = lifecycle?.preStop?.sleep?.seconds ?? 0
      const isInFront = pod.name === loadBalancer?.backend.service
      const needed = isInFront ? LOAD_BALANCER_SECONDS : ENDPOINTS_SECONDS
      expect(preStopSeconds, pod.name).toBeGreaterThanOrEqual(needed)
      const config = (await configOf(manifests, pod)) as StoppingConfig
      const closeLimitMs = config.closeLimitMs ?? CLOSE_LIMIT_MS
      const granted = pod.spec.terminationGracePeriodSeconds ?? 30
      const taken = preStopSeconds + closeLimitMs / 1000 + SPARE_SECONDS
      expect(granted, pod.name).toBeGreaterThanOrEqual(taken)

      const drainDelayMs = config.http?.drainDelayMs ?? config.drainDelayMs ?? 0
      const { periodSeconds = 10, failureThreshold = 3 } = readinessProbe ?? {}
      // A container that restarts in its place leaves the Service by its readiness alone.
      expect(drainDelayMs, pod.name).toBeGreaterThanOrEqual(periodSeconds * failureThreshold * 1000)
      // What the gateway keeps open and idle ends before the process that it leads to.
      expect(drainDelayMs, pod.name).toBeGreaterThan(IDLE_MAX_MS)
      const workMs = Math.max(
        REQUEST_LIMIT_MS,
        config.planTimeLimitMs ?? 0,
        ...Object.values(config.timeouts ?? {}),
      )
      expect(drainDelayMs + workMs, pod.name).toBeLessThan(closeLimitMs)
      if (!isInFront) continue
      // What the pod still answers, the load balancer must let through, and wait for in silence.
      expect(loadBalancer.deregistrationSeconds * 1000).toBeGreaterThanOrEqual(preStopSeconds * 1000 + workMs)
      expect(loadBalancer.idleTimeoutSeconds * 1000).toBeGreaterThan(workMs)
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
      for (const { labelSelector, maxSkew, whenUnsatisfiable, matchLabelKeys } of constraints) {
        expect(selects(labelSelector, labels), name).toBe(true)
        // A node or zone that is full or gone must not keep a pod from starting elsewhere.
        const even = {
          maxSkew: 1,
          whenUnsatisfiable: 'ScheduleAnyway',
          matchLabelKeys: ['pod-template-hash'],
        }
        expect({ maxSkew, whenUnsatisfiable, matchLabelKeys }, name).toEqual(even)
      }
    }
  })

  test('autoscalers leave room for what arrives until a new pod is there, and waste no half of one', () => {
    for (const { metadata, spec } of ofKind(manifests, 'HorizontalPodAutoscaler')) {
      const percents = spec?.metrics?.map(({ resource }) => resource?.target.averageUtilization ?? 0) ?? []
      expect(percents, metadata.name).toHaveLength(1)
      expect(percents[0], metadata.name).toBeGreaterThanOrEqual(50)
      expect(percents[0], metadata.name).toBeLessThanOrEqual(90)
    }
  })

  test('a probe waits long enough for a busy process, and is given up within seconds', () => {
    for (const pod of pods) {
      const { startupProbe, readinessProbe, livenessProbe } = mainContainer(pod)
      for (const probe of [startupProbe, readinessProbe, livenessProbe]) {
        expect(probe?.timeoutSeconds ?? 1, pod.name).toBeLessThanOrEqual(5)
        if (isService(pod)) expect(probe?.timeoutSeconds ?? 1, pod.name).toBeGreaterThanOrEqual(2)
      }
      if (isService(pod)) expect(readinessProbe?.timeoutSeconds, pod.name).toBeGreaterThanOrEqual(4)
    }
  })

  test('a Job tries again while a database may be coming, ends, and keeps the logs of its tries', () => {
    for (const { metadata, spec } of ofKind(manifests, 'Job')) {
      expect(spec?.template.spec?.restartPolicy, metadata.name).toBe('Never')
      expect(spec?.backoffLimit, metadata.name).toBeGreaterThanOrEqual(4)
      expect(spec?.backoffLimit, metadata.name).toBeLessThanOrEqual(10)
      expect(spec?.activeDeadlineSeconds, metadata.name).toBeGreaterThanOrEqual(600)
      expect(spec?.activeDeadlineSeconds, metadata.name).toBeLessThanOrEqual(3600)
      if (!metadata.name.startsWith('migrate-')) continue
      // Long enough to be read the next morning, and gone before a hundred releases have theirs.
      expect(spec?.ttlSecondsAfterFinished, metadata.name).toBeGreaterThanOrEqual(3600)
      expect(spec?.ttlSecondsAfterFinished, metadata.name).toBeLessThanOrEqual(7 * 86400)
    }
  })
})
