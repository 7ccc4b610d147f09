import { describe, expect, test } from 'vitest'
import { loadBalancerOf } from '../src/load-balancer.ts'
import { isService, mainContainer, ofKind, workloadsOf } from '../src/manifest.ts'
import { selects } from '../src/network.ts'
import { configOf } from '../src/program.ts'
import { podsAt } from '../src/services.ts'
import { variants } from '../src/variants.ts'

type ListeningConfig = { http?: { port: number }; port?: number; metricsPort?: number }

describe.each(Object.entries(variants))('%s', (variant, manifests) => {
  const pods = workloadsOf(manifests)

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

  test('a name means the pods that bear it: for Services, autoscalers, budgets and the way in', () => {
    for (const { metadata } of ofKind(manifests, 'Service')) {
      const meant = podsAt(manifests, metadata.name).map(({ name }) => name)
      expect(meant, metadata.name).toEqual([metadata.name.replace(/-metrics$/, '')])
    }
    for (const { metadata, spec } of ofKind(manifests, 'HorizontalPodAutoscaler')) {
      const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: metadata.name }
      expect(spec?.scaleTargetRef).toEqual(target)
    }
    for (const { metadata, spec } of ofKind(manifests, 'PodDisruptionBudget')) {
      const meant = pods.filter(({ labels }) => selects(spec?.selector, labels)).map(({ name }) => name)
      expect(meant, metadata.name).toEqual([metadata.name])
    }
    const front = loadBalancerOf(manifests)?.backend.service
    if (front !== undefined) expect(podsAt(manifests, front).map(({ name }) => name)).toEqual(['gateway'])
  })

  test('everything is in the one namespace, whose name the manifests and guides use', () => {
    const strays = manifests.filter(
      ({ kind, metadata }) => !/^Cluster|^Namespace$/.test(kind) && metadata.namespace !== 'urbanbloom',
    )
    expect(strays.map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual([])
  })

  test('a program listens where its container says', async () => {
    for (const pod of pods.filter(
      (each) => isService(each) || (variant === 'local' && each.name === 'payment-sandbox'),
    )) {
      const config = (await configOf(manifests, pod)) as ListeningConfig
      const numberOf = (port: string) =>
        mainContainer(pod).ports?.find(({ name }) => name === port)?.containerPort
      expect(config.http?.port ?? config.port, pod.name).toBe(numberOf('http'))
      expect(config.metricsPort, pod.name).toBe(numberOf('metrics'))
    }
  })

  test('every map that is made is used, under the name that its content gives it', () => {
    const text = JSON.stringify(pods)
    const maps = manifests
      .filter(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name !== 'parameters')
      .map(({ metadata }) => metadata.name)
    expect(maps.length).toBeGreaterThan(7)
    const used = maps.filter((name) => text.includes(`"${name}"`))
    for (const name of maps) {
      expect(name).toMatch(/-[a-z0-9]{10}$/)
      // A component may lay a longer map over another's, whose name its own begins with.
      const covers = (other: string) => other.startsWith(name.replace(/[a-z0-9]{10}$/, ''))
      expect(used.some(covers), name).toBe(true)
    }
  })
})
