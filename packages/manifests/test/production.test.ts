import { expect, test } from 'vitest'
import { loadBalancerOf } from '../src/load-balancer.ts'
import { type Manifest, mainContainer, ofKind, workload, workloadsOf } from '../src/manifest.ts'
import { configOf } from '../src/program.ts'
import { renderFolder } from '../src/render.ts'

const production = await renderFolder('overlays/production')

const namesIn = (manifests: readonly Manifest[], kind: string) =>
  manifests.filter((each) => each.kind === kind).map(({ metadata }) => metadata.name)

test('production: one release for all images, and a migration of its own for it', () => {
  const parameters = production.find(({ metadata }) => metadata.name === 'parameters')?.data ?? {}
  const images = workloadsOf(production).map((pod) => mainContainer(pod).image ?? '')
  for (const image of images.filter((each) => each.includes('urbanbloom/'))) {
    expect(image).toMatch(/^\d{12}\.dkr\.ecr\.us-east-1\.amazonaws\.com\/urbanbloom\/[\w-]+:[\w.-]+$/)
    expect(image).toContain(`${parameters.account}.`)
    expect(image.endsWith(`:${parameters.release}`)).toBe(true)
    expect(image.endsWith(':latest')).toBe(false)
  }
  expect(namesIn(production, 'Job')).toEqual([`migrate-${parameters.release}`])
})

test('production: every parameter arrives', () => {
  const { data = {} } = production.find(({ metadata }) => metadata.name === 'parameters') ?? {}
  const rest = JSON.stringify(production.filter(({ metadata }) => metadata.name !== 'parameters'))
  for (const [name, value] of Object.entries(data)) expect(rest, name).toContain(value)
  // What stands in the manifests for a parameter is nowhere left.
  expect(rest).not.toMatch(/123456789012|shop\.example\.com|0\.0\.0\.0\/32|:release"/)
})

const loadBalancer = loadBalancerOf(production)

test('the load balancer serves the host with TLS, and sends to pods by a port that is there', () => {
  const { data = {} } = production.find(({ metadata }) => metadata.name === 'parameters') ?? {}
  expect([loadBalancer?.host, loadBalancer?.tlsHost]).toEqual([data.host, data.host])
  const service = ofKind(production, 'Service').find(
    ({ metadata }) => metadata.name === loadBalancer?.backend.service,
  )
  expect(service?.spec?.ports?.map(({ name }) => name)).toContain(loadBalancer?.backend.port)
  // A node has no port of ours, because the Service is inside of the cluster only.
  expect([service?.spec?.type ?? 'ClusterIP', loadBalancer?.targetType]).toEqual(['ClusterIP', 'ip'])
})

test('a rollout waits until the load balancer sends to the new pod', () => {
  const namespace = production.find(({ kind }) => kind === 'Namespace')
  expect(namespace?.metadata.labels).toMatchObject({ 'elbv2.k8s.aws/pod-readiness-gate-inject': 'enabled' })
})

test('the gateway believes the address that the load balancer adds, and no other', async () => {
  const gateway = await configOf(production, workload(production, 'gateway'))
  expect(gateway).toMatchObject({ trustedProxies: 1 })
  // Else it would not be the last of X-Forwarded-For, or not an address.
  expect(loadBalancer?.attributes).not.toHaveProperty('routing.http.xff_header_processing.mode')
  expect(loadBalancer?.attributes).not.toHaveProperty('routing.http.xff_client_port.enabled')
})

test('the load balancer speaks TLS of today to the internet, and sends everybody else there', () => {
  const { metadata } = production.find(({ kind }) => kind === 'Ingress') as Manifest
  const told = (name: string) => metadata.annotations?.[`alb.ingress.kubernetes.io/${name}`]
  expect(told('scheme')).toBe('internet-facing')
  expect(JSON.parse(told('listen-ports') ?? '[]')).toEqual([{ HTTP: 80 }, { HTTPS: 443 }])
  expect(told('ssl-redirect')).toBe('443')
  expect(told('ssl-policy')).toMatch(/^ELBSecurityPolicy-TLS13-1-[23]-/)
  expect(loadBalancer?.attributes).toMatchObject({
    'routing.http.drop_invalid_header_fields.enabled': 'true',
  })
})

const PRIVATE = ['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16']

test('who reaches the internet reaches none of our networks, and nobody comes in but through the load balancer', () => {
  for (const { metadata, spec } of ofKind(production, 'NetworkPolicy')) {
    const blocks = (spec?.egress ?? []).flatMap(({ to = [] }) => to.flatMap(({ ipBlock }) => ipBlock ?? []))
    for (const { cidr, except } of blocks.filter((block) => block.cidr.endsWith('/0'))) {
      expect([cidr, except], metadata.name).toEqual(['0.0.0.0/0', PRIVATE])
    }
    const wide = JSON.stringify(spec?.ingress ?? []).includes('/0"')
    expect(wide, metadata.name).toBe(false)
  }
})
