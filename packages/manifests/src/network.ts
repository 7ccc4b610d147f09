import type {
  V1LabelSelector,
  V1NetworkPolicy,
  V1NetworkPolicyPeer,
  V1NetworkPolicyPort,
} from '@kubernetes/client-node'
import { type Manifest, ofKind, type Workload } from './manifest.ts'

type Direction = 'Ingress' | 'Egress'
type Rule = { peers: V1NetworkPolicyPeer[] | undefined; ports: V1NetworkPolicyPort[] | undefined }
/** A port by its number, or by its name at the receiving pod; of TCP where nothing else is said. */
type Port = { number: number; name?: string; protocol?: 'TCP' | 'UDP' }
/** A pod of another namespace, by the labels of both. */
export type ForeignPod = { namespace: Record<string, string>; pod: Record<string, string> }

/** Whether a policy's selector means pods with these labels. */
export function selects(
  selector: V1LabelSelector | undefined,
  labels: Readonly<Record<string, string>>,
): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {}
  return (
    Object.entries(matchLabels).every(([name, value]) => labels[name] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key]
      if (operator === 'Exists') return value !== undefined
      if (operator === 'In') return value !== undefined && values.includes(value)
      throw new Error(`The operator ${operator} is not understood here`)
    })
  )
}

/** Whether the policies let `from` open a connection to a port of `to`; both are pods of ours. */
export function reaches(manifests: readonly Manifest[], from: Workload, to: Workload, port: Port): boolean {
  return (
    allows(manifests, from, 'Egress', port, (peer) => meansPod(peer, to)) &&
    allows(manifests, to, 'Ingress', port, (peer) => meansPod(peer, from))
  )
}

/** Whether the policies let `from` open a connection to a pod of another namespace. */
export function reachesElsewhere(
  manifests: readonly Manifest[],
  from: Workload,
  to: ForeignPod,
  port: Port,
): boolean {
  return allows(manifests, from, 'Egress', port, (peer) => meansForeignPod(peer, to))
}

/** Whether the policies let a pod of another namespace open a connection to `to`. */
export function reachedFromElsewhere(
  manifests: readonly Manifest[],
  to: Workload,
  from: ForeignPod,
  port: Port,
): boolean {
  return allows(manifests, to, 'Ingress', port, (peer) => meansForeignPod(peer, from))
}

/** Whether the policies let `from` reach a range of addresses outside of our pods. */
export function reachesAddresses(
  manifests: readonly Manifest[],
  from: Workload,
  cidr: string,
  number: number,
): boolean {
  return allows(manifests, from, 'Egress', { number }, (peer) => peer.ipBlock?.cidr === cidr)
}

/** Whether the policies let a range of addresses reach `to`. */
export function reachedFromAddresses(
  manifests: readonly Manifest[],
  to: Workload,
  cidr: string,
  number: number,
): boolean {
  return allows(manifests, to, 'Ingress', { number }, (peer) => peer.ipBlock?.cidr === cidr)
}

function allows(
  manifests: readonly Manifest[],
  pod: Workload,
  direction: Direction,
  port: Port,
  means: (peer: V1NetworkPolicyPeer) => boolean,
): boolean {
  const policies = ofKind(manifests, 'NetworkPolicy').filter(
    ({ spec }) => spec?.policyTypes?.includes(direction) && selects(spec.podSelector, pod.labels),
  )
  // Pods that no policy selects are open.
  if (policies.length === 0) return true
  return policies
    .flatMap((policy) => rulesOf(policy, direction))
    .some(
      ({ peers, ports }) =>
        (peers === undefined || peers.some(means)) &&
        (ports === undefined || ports.some((each) => meansPort(each, port))),
    )
}

function meansPort({ port: meant, protocol = 'TCP' }: V1NetworkPolicyPort, port: Port): boolean {
  return protocol === (port.protocol ?? 'TCP') && (meant === port.number || meant === port.name)
}

function rulesOf({ spec }: V1NetworkPolicy, direction: Direction): Rule[] {
  return direction === 'Ingress'
    ? (spec?.ingress ?? []).map(({ _from, ports, ...rest }) => ({
        peers: _from ?? (rest as { from?: V1NetworkPolicyPeer[] }).from,
        ports,
      }))
    : (spec?.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }))
}

function meansPod(peer: V1NetworkPolicyPeer, pod: Workload): boolean {
  // Namespaces that are named here are always others'.
  if (peer.ipBlock !== undefined || peer.namespaceSelector !== undefined) return false
  return selects(peer.podSelector, pod.labels)
}

function meansForeignPod(peer: V1NetworkPolicyPeer, { namespace, pod }: ForeignPod): boolean {
  if (peer.namespaceSelector === undefined) return false
  return selects(peer.namespaceSelector, namespace) && selects(peer.podSelector, pod)
}
