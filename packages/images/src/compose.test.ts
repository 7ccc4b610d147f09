import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { loadYaml } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { CLOSE_LIMIT_MS } from '../../service-kit/src/lifecycle.ts'

type Container = {
  image: string
  build?: { context: string; dockerfile: string }
  environment?: Record<string, unknown>
  ports?: string[]
  volumes?: string[]
  networks: string[]
  read_only?: boolean
  stop_grace_period?: string
  cap_drop?: string[]
  security_opt?: string[]
}

const docker = path.join(import.meta.dirname, '../../../docker')
const compose: { services: Record<string, Container> } = loadYaml(
  withDefaults(readFileSync(path.join(docker, 'compose.yaml'), 'utf8')),
)
const containers = Object.entries(merged(compose.services) as Record<string, Container>)
const services = containers.filter(([, { build }]) => build?.dockerfile.startsWith('services/'))

describe('docker/compose.yaml', () => {
  test.each(services)('%s accepts the environment that it is given', async (name, { environment = {} }) => {
    const { readConfig } = await import(path.join(docker, `../services/${name}/src/config.ts`))
    const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, String(value)]))
    expect(readConfig(env)).toBeTypeOf('object')
  })

  test('runs all six services', () => {
    expect(services.map(([name]) => name).toSorted()).toEqual([
      'auth',
      'delivery-routing',
      'gateway',
      'inventory',
      'order',
      'payment',
    ])
  })

  test.each(containers)('%s can change nothing of itself and gain no privilege', (_name, container) => {
    expect(container).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    })
  })

  test('shows nothing to the network, and of the shop only the gateway to this machine', () => {
    const published = containers.filter(([, { ports }]) => ports !== undefined)
    expect(published.map(([name]) => name)).toEqual(['gateway', 'prometheus', 'alertmanager', 'grafana'])
    for (const [, { ports }] of published) {
      expect(ports?.every((port) => port.startsWith('127.0.0.1:'))).toBe(true)
    }
    const reachOutside = containers.filter(([, { networks }]) => networks.includes('edge'))
    expect(reachOutside).toEqual(published)
  })

  test.each(services)(
    '%s has the time that it takes to stop',
    async (name, { environment = {}, ...rest }) => {
      const { readConfig } = await import(path.join(docker, `../services/${name}/src/config.ts`))
      const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, String(value)]))
      const { closeLimitMs = CLOSE_LIMIT_MS } = readConfig(env) as { closeLimitMs?: number }
      const { stop_grace_period = '10s' } = rest
      expect(Number(stop_grace_period.replace('s', '')) * 1_000).toBeGreaterThan(closeLimitMs)
    },
  )

  test('takes from others exact versions and their bytes, or what docker/pinned.env has for them', () => {
    const others = containers.filter(([, { build }]) => build === undefined).map(([, { image }]) => image)
    const env = readFileSync(path.join(docker, 'pinned.env'), 'utf8')
    const releases = [...env.matchAll(/^[A-Z]+_IMAGE=(.+)$/gm)].map(([, image]) => image ?? '')
    const pinned = /^[\w./-]+:v?\d+\.\d+(?:\.\d+)?(?:-[\w-]+)?@sha256:[0-9a-f]{64}$/
    expect(releases.filter((image) => !pinned.test(image))).toEqual([])
    // `postgres:18` stands for a release that begins like it.
    const isPinned = (image: string) =>
      pinned.test(image) || releases.some((release) => release.startsWith(`${image}.`))
    expect(others).not.toEqual([])
    expect(others.filter((image) => !isPinned(image))).toEqual([])
  })

  test('builds and mounts what is there', () => {
    for (const [, { build, volumes = [] }] of containers) {
      const mounted = volumes
        .filter((volume) => volume.startsWith('.'))
        .map((volume) => volume.split(':', 1)[0] ?? '')
      const needed = build === undefined ? mounted : [path.join(build.context, build.dockerfile), ...mounted]
      expect(needed.filter((file) => !existsSync(path.join(docker, file)))).toEqual([])
    }
  })
})

/** `${NAME:-default}` as compose reads it where the variable is not set. */
function withDefaults(text: string): string {
  return text.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')
}

/** Takes `<<` for what it means in a compose file; the reader leaves it as a key. */
function merged(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const { '<<': base, ...own } = value as Record<string, unknown>
  const all = { ...(merged(base) as object | undefined), ...own }
  return Object.fromEntries(Object.entries(all).map(([key, each]) => [key, merged(each)]))
}
