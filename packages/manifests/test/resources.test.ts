import type { V1Container } from '@kubernetes/client-node'
import { databaseEnvironment } from '@urbanbloom/service-kit/config'
import { describe, expect, test } from 'vitest'
import { isService, mainContainer, ofKind, type Workload, workload, workloadsOf } from '../src/manifest.ts'
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

test('production: the least that runs fits on two of the three nodes, the most on five', () => {
  /** What a t3.medium leaves to pods, less what the cluster's own take: 1.2 cores and 2 GiB on three nodes. */
  const node = { cpu: 1.93 - 0.4, memory: 3.2 * GIBIBYTE - 700 * MEBIBYTE }
  const scales = scalesOf(production)
  const sum = (unit: Unit, replicas: 'min' | 'max') =>
    workloadsOf(production)
      .filter(({ kind }) => kind !== 'Job')
      .map((pod) => requestOf(pod, unit) * (scales.get(pod.name)?.[replicas] ?? 1))
      .reduce((total, each) => total + each, 0)
  for (const unit of ['cpu', 'memory'] as const) {
    expect(sum(unit, 'min'), unit).toBeLessThan(2 * node[unit])
    expect(sum(unit, 'max'), unit).toBeLessThan(5 * node[unit])
  }
})

test('local: all at once, with the surge of every rollout and both Jobs, fits on a minikube as it is by default', () => {
  /** Two cores and 4000 MB, less a control plane of one machine, its DNS and Calico. */
  const machine = { cpu: 2 - 1, memory: 4e9 - 400 * MEBIBYTE }
  const scales = scalesOf(local)
  const podsOf = (pod: Workload) => {
    const strategy = ofKind(local, 'Deployment').find(({ metadata }) => metadata.name === pod.name)?.spec
    const surge = Number(strategy?.strategy?.rollingUpdate?.maxSurge ?? 0)
    return (scales.get(pod.name)?.min ?? 1) + surge
  }
  for (const unit of ['cpu', 'memory'] as const) {
    const reserved = workloadsOf(local).map((pod) => requestOf(pod, unit) * podsOf(pod))
    expect(
      reserved.reduce((sum, each) => sum + each, 0),
      unit,
    ).toBeLessThanOrEqual(machine[unit])
  }
})
