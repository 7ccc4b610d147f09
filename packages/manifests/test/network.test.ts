import { expect, test } from 'vitest'
import { edgesOf } from '../src/edges.ts'
import { environmentOf } from '../src/environment.ts'
import { isService, ofKind, type Workload, workload, workloadsOf } from '../src/manifest.ts'
import {
  reachedFromAddresses,
  reachedFromElsewhere,
  reaches,
  reachesAddresses,
  reachesElsewhere,
  selects,
} from '../src/network.ts'
import { componentNames, renderFolder, renderWith } from '../src/render.ts'
import { podsAt, serviceAt } from '../src/services.ts'

const local = await renderFolder('overlays/local')
const production = await renderFolder('overlays/production')
const everything = await renderWith(await componentNames())
const VPC = '192.168.0.0/16'

const portsOf = ({ containers }: Workload) => containers.flatMap(({ ports = [] }) => ports)

test('every connection that a configuration names is allowed, and no other', () => {
  const pods = workloadsOf(local)
  const wrong = pods.flatMap((from) => {
    const needed = edgesOf(local, from)
    return pods
      .filter((to) => to !== from)
      .flatMap((to) => portsOf(to).map((port) => ({ to, port })))
      .filter(({ to, port }) => {
        const isNeeded = needed.has(`${to.name}:${port.containerPort}`)
        return reaches(local, from, to, { number: port.containerPort, name: port.name }) !== isNeeded
      })
      .map(({ to, port }) => `${from.name} → ${to.name}:${port.containerPort}`)
  })
  expect(wrong).toEqual([])
})

test('the edges of docs/architecture.md are among them', () => {
  const edges = workloadsOf(local).flatMap((pod) =>
    [...edgesOf(local, pod)].map((to) => `${pod.name} → ${to.split(':')[0]}`),
  )
  expect(edges).toEqual(
    expect.arrayContaining([
      'order → inventory',
      'order → delivery-routing',
      'order → payment',
      'inventory → order',
      'payment → order',
      'delivery-routing → order',
      'delivery-routing → inventory',
      'delivery-optimizer → order',
      'gateway → auth',
      'order → auth',
      'inventory → postgres',
      'gateway → redis',
      'prometheus → gateway',
      'prometheus → alertmanager',
      'prometheus → postgres-exporter',
      'prometheus → redis-exporter',
      'postgres-exporter → postgres',
      'redis-exporter → redis',
      'grafana → prometheus',
      'grafana → postgres',
    ]),
  )
})

test('production: databases, the load balancer and the card provider are reached, and only by whom it concerns', () => {
  for (const pod of workloadsOf(production)) {
    const { values } = pod.name === 'prometheus' ? { values: {} } : environmentOf(production, pod)
    const usesPostgres = ['DATABASE_URL', 'ADMIN_DATABASE_URL', 'DASHBOARD_DATABASE_HOST'].some(
      (name) => name in values,
    )
    const actual = {
      postgres: reachesAddresses(production, pod, VPC, 5432),
      redis: reachesAddresses(production, pod, VPC, 6379),
      internet: reachesAddresses(production, pod, '0.0.0.0/0', 443),
      fromOutside: reachedFromAddresses(production, pod, VPC, 8080),
    }
    expect(actual, pod.name).toEqual({
      postgres: usesPostgres,
      redis: 'REDIS_URL' in values,
      internet: ['payment', 'alertmanager'].includes(pod.name) || 'OBJECT_STORE_URL' in values,
      fromOutside: pod.name === 'gateway',
    })
  }
})

/** A pod of a namespace, by the labels that Kubernetes itself gives the namespace. */
const podIn = (namespace: string, pod: Record<string, string> = {}) => ({
  namespace: { 'kubernetes.io/metadata.name': namespace },
  pod,
})

test.each([
  ['local', local],
  ['production', production],
])(
  '%s: every pod may ask for names, by UDP and by TCP, and nobody but the cluster itself',
  (_, manifests) => {
    for (const pod of workloadsOf(manifests)) {
      for (const protocol of ['UDP', 'TCP'] as const) {
        const reachesPort53 = (namespace: string, app: string) =>
          reachesElsewhere(manifests, pod, podIn(namespace, { 'k8s-app': app }), { number: 53, protocol })
        expect(reachesPort53('kube-system', 'kube-dns'), `${pod.name} ${protocol}`).toBe(true)
        expect(reachesPort53('kube-system', 'another'), pod.name).toBe(false)
        expect(reachesPort53('another', 'kube-dns'), pod.name).toBe(false)
      }
    }
  },
)

test('traces go to the namespace and the port of the collector that the services are told, and only there', () => {
  for (const pod of workloadsOf(everything)) {
    const url = isService(pod) && environmentOf(everything, pod).values.OTEL_EXPORTER_OTLP_ENDPOINT
    const { hostname, port } = new URL(url || 'http://otel-collector.observability:4318')
    const reachesPort = (namespace: string, number: number) =>
      reachesElsewhere(everything, pod, podIn(namespace), { number })
    expect(reachesPort(hostname.split('.')[1] ?? '', Number(port)), pod.name).toBe(isService(pod))
    expect(reachesPort(hostname.split('.')[1] ?? '', Number(port) + 1), pod.name).toBe(false)
    expect(reachesPort('another', Number(port)), pod.name).toBe(false)
  }
})

type ScaledObject = { spec: { triggers: { type: string; metadata: { serverAddress?: string } }[] } }

test('KEDA asks a Prometheus that is there, and may reach it', () => {
  const scaled = everything.find(({ kind }) => kind === 'ScaledObject') as unknown as ScaledObject
  const { serverAddress = '' } =
    scaled.spec.triggers.find(({ type }) => type === 'prometheus')?.metadata ?? {}
  const { hostname, port } = new URL(serverAddress)
  const [, namespace] = hostname.split('.')
  const service = serviceAt(everything, hostname)
  expect([service?.metadata.namespace, service?.spec?.ports?.[0]?.port]).toEqual([namespace, Number(port)])
  const prometheus = workload(everything, 'prometheus')
  expect(podsAt(everything, hostname)).toEqual([prometheus])
  const [asked] = portsOf(prometheus)
  const number = asked?.containerPort ?? 0
  expect(reachedFromElsewhere(everything, prometheus, podIn('keda'), { number })).toBe(true)
  expect(reachedFromElsewhere(everything, prometheus, podIn('another'), { number })).toBe(false)
})

test('every port that a policy names is one of a pod that it means', () => {
  const pods = workloadsOf(everything)
  for (const { metadata, spec } of ofKind(everything, 'NetworkPolicy')) {
    const own = pods.filter(({ labels }) => selects(spec?.podSelector, labels))
    expect(own, metadata.name).not.toEqual([])
    const rules = [
      ...(spec?.ingress ?? []).map(({ ports }) => ({ ports, receivers: own })),
      ...(spec?.egress ?? []).map(({ to = [], ports }) => ({
        ports,
        receivers: pods.filter(({ labels }) =>
          to.some(
            ({ podSelector, namespaceSelector, ipBlock }) =>
              namespaceSelector === undefined && ipBlock === undefined && selects(podSelector, labels),
          ),
        ),
      })),
    ]
    for (const { ports = [], receivers } of rules) {
      const numbers = new Set(receivers.flatMap(portsOf).map(({ containerPort }) => containerPort))
      // A receiver outside of the namespace is not ours to know.
      if (numbers.size === 0) continue
      for (const { port } of ports) expect(numbers, metadata.name).toContain(port)
    }
  }
})
