import { describe, expect, test } from 'vitest'
import { workload, workloadsOf } from '../src/manifest.ts'
import { pathProblem, usedPaths, volumeOf } from '../src/paths.ts'
import { variants } from '../src/variants.ts'

/** Without these, messages fail with a line in the log, and everything else works. */
const MAY_BE_MISSING = ['alertmanager']
/** docs/deploy-eks.md makes them before the manifests are applied. */
const FROM_OUTSIDE = ['database-ca']

describe.each(Object.entries(variants))('%s', (_variant, manifests) => {
  const pods = workloadsOf(manifests)

  test('whatever a program is told to read or write is mounted', () => {
    const problems = pods.flatMap((pod) =>
      usedPaths(manifests, pod).flatMap(({ path, saidBy }) => {
        const problem = pathProblem(manifests, pod, path)
        return problem === undefined ? [] : [`${pod.name}: ${path} (${saidBy}): ${problem}`]
      }),
    )
    expect(problems).toEqual([])
  })

  test('every mount has its volume, every volume its source, and none is idle', () => {
    for (const pod of pods) {
      const mounts = pod.containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name))
      for (const name of mounts) expect(volumeOf(manifests, pod, name), `${pod.name} ${name}`).toBeDefined()
      for (const { name, configMap, secret, persistentVolumeClaim } of pod.spec.volumes ?? []) {
        expect(mounts, pod.name).toContain(name)
        const named = (kind: string, of: string) =>
          FROM_OUTSIDE.includes(of) ||
          manifests.some((each) => each.kind === kind && each.metadata.name === of)
        if (configMap !== undefined) {
          expect(named('ConfigMap', configMap.name ?? ''), `${pod.name} ${configMap.name}`).toBe(true)
          expect(configMap.optional ?? false, `${pod.name} ${configMap.name}`).toBe(false)
        }
        if (persistentVolumeClaim !== undefined) {
          expect(named('PersistentVolumeClaim', persistentVolumeClaim.claimName), pod.name).toBe(true)
        }
        const isOptional = secret?.optional ?? false
        if (isOptional) expect(MAY_BE_MISSING).toContain(secret?.secretName)
        else if (secret !== undefined) expect(named('Secret', secret.secretName ?? ''), pod.name).toBe(true)
      }
    }
  })
})

test('the paths that are looked for are those that matter', () => {
  const of = (variant: keyof typeof variants, name: string) =>
    usedPaths(variants[variant], workload(variants[variant], name)).map(({ path }) => path)
  expect(of('local', 'order')).toEqual(['/var/lib/objects'])
  expect(of('local', 'payment-sandbox')).toEqual(['/data'])
  expect(of('local', 'redis')).toEqual(['/data'])
  expect(of('local', 'postgres')).toContain('/var/run/postgresql')
  expect(of('production', 'inventory')).toEqual(['/etc/database-ca/ca.pem'])
  expect(of('production', 'prometheus')).toEqual([
    '/etc/prometheus/prometheus.yml',
    '/prometheus',
    '/etc/prometheus-rules/*.yml',
  ])
  expect(of('production', 'alertmanager')).toEqual(
    expect.arrayContaining([
      '/etc/alertmanager-secrets/slack-url',
      '/etc/alertmanager-secrets/smtp-password',
      '/etc/alertmanager/templates/*.tmpl',
    ]),
  )
})
