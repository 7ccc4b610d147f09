import type { V1Container, V1PodSpec, V1SecurityContext } from '@kubernetes/client-node'
import type { Workload } from './manifest.ts'

/** The volumes that the restricted profile knows; every one has a field of its own in `volumes`. */
const VOLUMES = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
])

/** AppArmor and SELinux as the runtime sets them; anything else loosens or names types of another machine. */
const CONFINEMENTS = ['seLinuxOptions', 'appArmorProfile', 'windowsOptions'] as const

/**
 * What the restricted profile of Kubernetes' Pod Security Standards, and our own read-only root, refuse of a pod: a
 * sentence for each. Judged is what applies to each container, init containers too: its own setting, else the pod's.
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/
 */
export function securityProblems({ name, spec, containers }: Workload): string[] {
  return [...podProblems(spec), ...containers.flatMap((each) => containerProblems(each, spec))].map(
    (problem) => `${name}: ${problem}`,
  )
}

function podProblems(spec: V1PodSpec): string[] {
  const problems: string[] = []
  for (const field of ['hostNetwork', 'hostPID', 'hostIPC'] as const) {
    if (spec[field]) problems.push(`${field} is set`)
  }
  // A node's own user names are the only exception, and nobody here needs them.
  if (spec.hostUsers === true) problems.push('hostUsers is set')
  if (spec.securityContext?.sysctls?.length) problems.push('it changes sysctls')
  for (const field of CONFINEMENTS) if (spec.securityContext?.[field]) problems.push(`${field} is set`)
  for (const { name, ...kinds } of spec.volumes ?? []) {
    const refused = Object.keys(kinds).filter((kind) => !VOLUMES.has(kind))
    if (refused.length > 0) problems.push(`the volume ${name} is of the kind ${refused.join()}`)
    if (kinds.emptyDir && kinds.emptyDir.sizeLimit === undefined) {
      problems.push(`the volume ${name} may grow without limit`)
    }
  }
  return problems
}

function containerProblems(container: V1Container, spec: V1PodSpec): string[] {
  const own: V1SecurityContext = container.securityContext ?? {}
  const pod = spec.securityContext ?? {}
  const { add = [], drop = [] } = own.capabilities ?? {}
  const user = own.runAsUser ?? pod.runAsUser
  const seccomp = own.seccompProfile ?? pod.seccompProfile
  const refused: [boolean, string][] = [
    [(own.runAsNonRoot ?? pod.runAsNonRoot) !== true, 'may run as root'],
    [user === undefined || user <= 0 || pod.runAsUser === 0, `runs as the user ${user}`],
    [own.privileged === true, 'is privileged'],
    [own.allowPrivilegeEscalation !== false, 'may gain privileges'],
    [own.readOnlyRootFilesystem !== true, 'may write to its root file system'],
    [!drop.includes('ALL'), 'does not drop all capabilities'],
    [add.some((each) => each !== 'NET_BIND_SERVICE'), `adds the capabilities ${add.join()}`],
    [
      !['RuntimeDefault', 'Localhost'].includes(seccomp?.type ?? ''),
      `has the seccomp profile ${seccomp?.type}`,
    ],
    [(own.procMount ?? 'Default') !== 'Default', `mounts /proc ${own.procMount}`],
    [CONFINEMENTS.some((field) => own[field] !== undefined), `sets one of ${CONFINEMENTS.join()}`],
    [(container.ports ?? []).some(({ hostPort }) => hostPort), 'takes a port of the node'],
    [hostsAsked(container).length > 0, `has the kubelet ask ${hostsAsked(container).join()}`],
  ]
  return refused.flatMap(([isRefused, problem]) =>
    isRefused ? [`the container ${container.name} ${problem}`] : [],
  )
}

/** The hosts that a container's probes and hooks name; without one they ask the pod itself. */
function hostsAsked({ livenessProbe, readinessProbe, startupProbe, lifecycle }: V1Container): string[] {
  return [livenessProbe, readinessProbe, startupProbe, lifecycle?.preStop, lifecycle?.postStart].flatMap(
    (each) => [each?.httpGet?.host, each?.tcpSocket?.host].filter((host) => host !== undefined),
  )
}
