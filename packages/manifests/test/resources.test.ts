import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { V1Container } from '@kubernetes/client-node'
import { databaseEnvironment } from '@urbanbloom/service-kit/config'
import { describe, expect, test } from 'vitest'
import { isService, mainContainer, ofKind, type Workload, workload, workloadsOf } from '../src/manifest.ts'
import { repository } from '../src/program.ts'
import { quantity } from '../src/quantity.ts'
import { scalesOf } from '../src/scaling.ts'
import { variants } from '../src/variants.ts'

const { production, local } = variants

describe.each(Object.entries(variants))('%s', (_variant, manifests) => {
  const pods = workloadsOf(manifests)

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

const GIBIBYTE = 2 ** 30
const MEBIBYTE = 2 ** 20

type Unit = 'cpu' | 'memory'

/** What a pod reserves: its containers together, or the dearest of those that run before them. */
function requestOf({ spec }: Workload, unit: Unit): number {
  const requests = (containers: V1Container[] = []) =>
    containers.map(({ resources }) => quantity(resources?.requests?.[unit]))
  const together = requests(spec.containers).reduce((sum, each) => sum + each, 0)
  return Math.max(together, ...requests(spec.initContainers))
}

const capacity = readFileSync(path.join(repository, 'docs/capacity.md'), 'utf8')

/** The cells of each line of a table in the page, by its first column. */
function tableOf(heading: string): Map<string, string[]> {
  const lines = capacity.split(`| ${heading} |`)[1]?.split('\n\n')[0]?.split('\n').slice(2) ?? []
  return new Map(
    lines.map((line) => {
      const [name = '', ...cells] = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim())
      return [
        name.replace('delivery-routing, `ROLE=optimizer`', 'delivery-optimizer').replace(/,.*/, ''),
        cells,
      ]
    }),
  )
}

const measured = tableOf('one process')
const services = workloadsOf(production).filter(isService)

test.each(services.map((pod) => [pod.name, pod] as const))(
  'production: %s has what docs/capacity.md says, and that is enough for what was measured',
  (name, pod) => {
    const { requests = {}, limits = {} } = mainContainer(pod).resources ?? {}
    expect([requests.cpu, limits.cpu, requests.memory, limits.memory]).toEqual(
      tableOf('Deployment').get(name),
    )
    const [, meanCpu, , , , peakMemory] = measured.get(name) ?? []
    const peak = quantity(peakMemory?.replace(' MiB', 'Mi'))
    expect(quantity(requests.cpu)).toBeGreaterThanOrEqual(quantity(meanCpu))
    expect(quantity(requests.memory)).toBeGreaterThanOrEqual(peak)
    expect(quantity(limits.memory)).toBeGreaterThanOrEqual(1.5 * peak)
  },
)

test('production: the least that runs fits on two of the three nodes, the most on five', () => {
  /** What a t3.medium has for pods, less the network, proxy and other pods that each node has. */
  const node = { cpu: 1.93 - 0.15, memory: 3.2 * GIBIBYTE - 150 * MEBIBYTE, pods: 17 - 2 }
  /** DNS, metrics server, KEDA, External Secrets, the controllers of load balancers and nodes. */
  const once = { cpu: 0.7, memory: 1.2 * GIBIBYTE, pods: 13 }
  const scales = scalesOf(production)
  const sum = (unit: Unit | 'pods', replicas: 'min' | 'max') =>
    workloadsOf(production)
      .filter(({ kind }) => kind !== 'Job')
      .map((pod) => (unit === 'pods' ? 1 : requestOf(pod, unit)) * (scales.get(pod.name)?.[replicas] ?? 1))
      .reduce((total, each) => total + each, once[unit])
  for (const unit of ['cpu', 'memory', 'pods'] as const) {
    expect(sum(unit, 'min'), unit).toBeLessThanOrEqual(2 * node[unit])
    expect(sum(unit, 'max'), unit).toBeLessThanOrEqual(5 * node[unit])
  }
})

test('local: all at once, with the surge of every rollout and both Jobs, fits on a minikube as it is by default', () => {
  /** Two cores and 4000 MB, less a control plane of one machine, its DNS and Calico. */
  const machine = { cpu: 2 - 1, memory: 4e9 - 400 * MEBIBYTE }
  const scales = scalesOf(local)
  const podsOf = (pod: Workload, replicas: 'min' | 'max') => {
    const strategy = ofKind(local, 'Deployment').find(({ metadata }) => metadata.name === pod.name)?.spec
    const surge = Number(strategy?.strategy?.rollingUpdate?.maxSurge ?? 0)
    return (scales.get(pod.name)?.[replicas] ?? 1) + surge
  }
  for (const unit of ['cpu', 'memory'] as const) {
    const reserved = (pods: Workload[], replicas: 'min' | 'max') =>
      pods.map((pod) => requestOf(pod, unit) * podsOf(pod, replicas)).reduce((sum, each) => sum + each, 0)
    const lasting = workloadsOf(local).filter(({ kind }) => kind !== 'Job')
    expect(reserved(workloadsOf(local), 'min'), unit).toBeLessThanOrEqual(machine[unit])
    // The autoscalers have gone as far as they may, long after both Jobs, and everything rolls at once.
    expect(reserved(lasting, 'max'), unit).toBeLessThanOrEqual(machine[unit])
  }
})

test('local: what Redis and Postgres keep in memory leaves room for the rest of their process', () => {
  const bytesOf = (name: string, setting: RegExp) => {
    const { args = [], resources } = mainContainer(workload(local, name))
    const megabytes = Number(setting.exec(args.join(' '))?.[1])
    return { kept: megabytes * MEBIBYTE, limit: quantity(resources?.limits?.memory) }
  }
  const redis = bytesOf('redis', /--maxmemory (\d+)mb/)
  expect(redis.kept).toBeLessThanOrEqual(0.75 * redis.limit)
  const postgres = bytesOf('postgres', /shared_buffers=(\d+)MB/)
  expect(postgres.kept).toBeLessThanOrEqual(0.5 * postgres.limit)
})
