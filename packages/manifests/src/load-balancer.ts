import type { V1Ingress } from '@kubernetes/client-node'
import type { Manifest } from './manifest.ts'

/** What the AWS Load Balancer Controller is told by the annotations of the one Ingress. */
export type LoadBalancer = {
  host: string | undefined
  tlsHost: string | undefined
  /** Where it sends what it gets. */
  backend: { service: string; port: string | number | undefined }
  /** `ip` sends to pods, `instance` to nodes. */
  targetType: string
  healthcheckPath: string
  healthcheckPort: string
  /** How long a connection to it may be silent. */
  idleTimeoutSeconds: number
  /** How long it lets requests end at a target that leaves. */
  deregistrationSeconds: number
  attributes: Record<string, string>
}

const PREFIX = 'alb.ingress.kubernetes.io/'

/** What stands in front, with the controller's own value where the Ingress says nothing; undefined without Ingress. */
export function loadBalancerOf(manifests: readonly Manifest[]): LoadBalancer | undefined {
  const ingress: (Manifest & V1Ingress) | undefined = manifests.find(({ kind }) => kind === 'Ingress')
  if (ingress === undefined) return undefined
  const told = (name: string) => ingress.metadata.annotations?.[PREFIX + name]
  const attributes = attributesOf(told('load-balancer-attributes'))
  const target = attributesOf(told('target-group-attributes'))
  const rule = ingress.spec?.rules?.[0]
  const backend = rule?.http?.paths[0]?.backend.service
  return {
    host: rule?.host,
    tlsHost: ingress.spec?.tls?.[0]?.hosts?.[0],
    backend: { service: backend?.name ?? '', port: backend?.port?.name ?? backend?.port?.number },
    targetType: told('target-type') ?? 'instance',
    healthcheckPath: told('healthcheck-path') ?? '/',
    healthcheckPort: told('healthcheck-port') ?? 'traffic-port',
    idleTimeoutSeconds: Number(attributes['idle_timeout.timeout_seconds'] ?? 60),
    deregistrationSeconds: Number(target['deregistration_delay.timeout_seconds'] ?? 300),
    attributes,
  }
}

/** `a=1,b=2` */
function attributesOf(text = ''): Record<string, string> {
  return Object.fromEntries(text.split(',').map((each) => each.split('=', 2) as [string, string]))
}
