import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { load } from 'js-yaml'
import { describe, expect, test } from 'vitest'
import { type Manifest, workloadsOf } from '../src/manifest.ts'
import { repository } from '../src/program.ts'
import { variants } from '../src/variants.ts'

/** An exact version for people, and the bytes of it: a tag alone may mean others tomorrow. */
const PINNED = /^[\w./-]+:v?\d+\.\d+(?:\.\d+)?@sha256:[0-9a-f]{64}$/

const namesIn = (manifests: readonly Manifest[], kind: string) =>
  manifests.filter((each) => each.kind === kind).map(({ metadata }) => metadata.name)

describe.each(Object.entries(variants))('%s', (_variant, manifests) => {
  const pods = workloadsOf(manifests)

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

  test('every pod has an account of its own, without a token unless it may read something', () => {
    const accounts = manifests.filter(({ kind }) => kind === 'ServiceAccount') as (Manifest & {
      automountServiceAccountToken?: boolean
    })[]
    expect(accounts.filter((each) => each.automountServiceAccountToken !== false)).toEqual([])
    const names = pods.map(({ spec }) => spec.serviceAccountName)
    expect(new Set(names).size).toBe(names.length)
    expect(namesIn(manifests, 'ServiceAccount')).toEqual(expect.arrayContaining(names))
    const withToken = pods.filter(({ spec }) => spec.automountServiceAccountToken !== false)
    expect(withToken.map(({ spec }) => spec.serviceAccountName ?? '').toSorted()).toEqual(
      accountsWithRights(manifests),
    )
  })

  test('every image of ours is one that the repository builds', () => {
    const compose = load(readFileSync(path.join(repository, 'docker/compose.yaml'), 'utf8')) as {
      services: Record<string, { image: string; build?: { dockerfile: string } }>
    }
    const built = new Map(
      Object.values(compose.services).map(({ image, build }) => [image, build?.dockerfile ?? '']),
    )
    const releases = readFileSync(path.join(repository, 'docker/pinned.env'), 'utf8')
    const others = new Set([
      ...built.keys(),
      ...[...releases.matchAll(/^\w+=(.+)$/gm)].map(([, image]) => image),
    ])
    for (const { containers } of pods) {
      for (const { image = '', imagePullPolicy, terminationMessagePolicy } of containers) {
        const ours = /urbanbloom\/[\w-]+/.exec(image)?.[0]
        if (ours === undefined) {
          expect(image).toMatch(PINNED)
          expect(others.has(image), `${image} is the one that compose runs`).toBe(true)
        } else expect(existsSync(path.join(repository, built.get(ours) ?? 'none')), ours).toBe(true)
        expect(imagePullPolicy).toBe('IfNotPresent')
        // `kubectl describe` then shows what the program said last.
        if (ours !== undefined) expect(terminationMessagePolicy, ours).toBe('FallbackToLogsOnError')
      }
    }
  })
})

type Binding = { subjects: { kind: string; name: string }[]; roleRef: { name: string } }
type Role = { rules: { verbs: string[] }[] }

/** The accounts that may ask Kubernetes for something. Whoever might change something fails. */
function accountsWithRights(manifests: readonly Manifest[]): string[] {
  for (const each of manifests.filter(({ kind }) => kind.endsWith('Role'))) {
    const verbs = (each as unknown as Role).rules.flatMap((rule) => rule.verbs)
    expect(
      verbs.filter((verb) => !['get', 'list', 'watch'].includes(verb)),
      each.metadata.name,
    ).toEqual([])
  }
  const bindings = manifests.filter(({ kind }) => kind.endsWith('RoleBinding')) as unknown as Binding[]
  return bindings.flatMap(({ subjects }) => subjects.map(({ name }) => name)).toSorted()
}
