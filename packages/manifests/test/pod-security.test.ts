import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { load } from 'js-yaml'
import { describe, expect, test } from 'vitest'
import { type Manifest, type Workload, workload, workloadsOf } from '../src/manifest.ts'
import { securityProblems } from '../src/pod-security.ts'
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
    expect(pods.flatMap(securityProblems)).toEqual([])
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

/** Faults that a pod must not have; the check has to see each of them in the pod and in any container. */
const faults: Record<string, { pod?: object; container?: object }> = {
  'root at the pod': { pod: { securityContext: { runAsUser: 0 } } },
  'root at the container': { container: { runAsUser: 0 } },
  'no user at all': {
    pod: { securityContext: { runAsUser: undefined } },
    container: { runAsUser: undefined },
  },
  'a container that may be root': { container: { runAsNonRoot: false } },
  'a pod that may be root': { pod: { securityContext: { runAsNonRoot: false } } },
  privileged: { container: { privileged: true } },
  'escalation by default': { container: { allowPrivilegeEscalation: undefined } },
  'a root that can be written': { container: { readOnlyRootFilesystem: false } },
  'capabilities kept': { container: { capabilities: { drop: ['NET_RAW'] } } },
  'capabilities added': { container: { capabilities: { drop: ['ALL'], add: ['SYS_ADMIN'] } } },
  'a container without seccomp': { container: { seccompProfile: { type: 'Unconfined' } } },
  'a pod without seccomp': { pod: { securityContext: { seccompProfile: undefined } } },
  '/proc as it is': { container: { procMount: 'Unmasked' } },
  sysctls: { pod: { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } } },
  'a folder of the node': { pod: { volumes: [{ name: 'node', hostPath: { path: '/' } }] } },
  'a network disk': { pod: { volumes: [{ name: 'share', nfs: { server: 'a', path: '/' } }] } },
  'a folder without limit': { pod: { volumes: [{ name: 'scratch', emptyDir: {} }] } },
  'the network of the node': { pod: { hostNetwork: true } },
  'the processes of the node': { pod: { hostPID: true } },
  'the memory of the node': { pod: { hostIPC: true } },
  'no AppArmor': { container: { appArmorProfile: { type: 'Unconfined' } } },
}

/** A pod with a fault: in what is the pod's, and in one of its containers. */
function faulty(pod: Workload, fault: { pod?: object; container?: object }, index: number): Workload {
  const { name, spec, containers } = structuredClone({ ...pod })
  const { securityContext, ...rest } = (fault.pod ?? {}) as { securityContext?: object }
  Object.assign(spec, rest)
  Object.assign((spec.securityContext ??= {}), securityContext)
  const container = containers[index]
  if (container !== undefined) Object.assign((container.securityContext ??= {}), fault.container)
  return { ...pod, name, spec, containers }
}

test.each(Object.entries(faults))('the check sees %s', (_, fault) => {
  const order = workload(variants.local, 'order')
  const migrate = workload(variants.local, 'migrate-release')
  expect(securityProblems(order)).toEqual([])
  expect(securityProblems(faulty(order, fault, 0))).not.toEqual([])
  // An init container is judged as the others are.
  expect(migrate.containers).toHaveLength(2)
  if (fault.container !== undefined && fault.pod === undefined) {
    for (const index of [0, 1]) expect(securityProblems(faulty(migrate, fault, index))).not.toEqual([])
  }
})

type Binding = { subjects: { kind: string; name: string }[]; roleRef: { name: string } }
type Role = { rules: { verbs: string[]; resources?: string[] }[] }

/** The accounts that may ask Kubernetes for something. Whoever might change something fails. */
function accountsWithRights(manifests: readonly Manifest[]): string[] {
  for (const each of manifests.filter(({ kind }) => kind.endsWith('Role'))) {
    const { rules } = each as unknown as Role
    const resources = rules.flatMap((rule) => rule.resources ?? [])
    // What Prometheus needs to find and scrape; above all no secrets.
    expect(
      resources.filter((name) => !['nodes', 'pods', 'nodes/metrics'].includes(name)),
      each.metadata.name,
    ).toEqual([])
    const verbs = rules.flatMap((rule) => rule.verbs)
    expect(
      verbs.filter((verb) => !['get', 'list', 'watch'].includes(verb)),
      each.metadata.name,
    ).toEqual([])
  }
  const bindings = manifests.filter(({ kind }) => kind.endsWith('RoleBinding')) as unknown as Binding[]
  return bindings.flatMap(({ subjects }) => subjects.map(({ name }) => name)).toSorted()
}
