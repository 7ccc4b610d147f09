import { databaseEnvironment } from '@urbanbloom/service-kit/config'
import { describe, expect, test } from 'vitest'
import { isService, mainContainer, workload, workloadsOf } from '../src/manifest.ts'
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
