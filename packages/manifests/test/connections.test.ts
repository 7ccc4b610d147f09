import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { environmentOf } from '../src/environment.ts'
import { isService, workload, workloadsOf } from '../src/manifest.ts'
import { configOf, repository } from '../src/program.ts'
import { variants } from '../src/variants.ts'

const { values: postgres } = environmentOf(variants.local, workload(variants.local, 'postgres'))
const guide = readFileSync(path.join(repository, 'docs/deploy-eks.md'), 'utf8')

/** The database, where its administrator and the services meet. */
const database = `/${postgres.POSTGRES_DB}`

describe.each(Object.entries(variants))('%s', (_variant, manifests) => {
  const services = workloadsOf(manifests).filter(isService)

  test('each service goes to the one database by its own role', () => {
    const urls = services.flatMap((pod) => {
      const url = environmentOf(manifests, pod).values.DATABASE_URL
      return url === undefined ? [] : [[pod.name, new URL(url)] as const]
    })
    expect(urls).toHaveLength(services.length - 1)
    for (const [name, { username, pathname }] of urls) {
      const service = name === 'delivery-optimizer' ? 'delivery-routing' : name
      expect([username, pathname], name).toEqual([`${service.replaceAll('-', '_')}_service`, database])
    }
  })

  test('migrations run as the administrator, and give each role the password of its name', () => {
    const job = workloadsOf(manifests).find(({ labels }) => labels['app.kubernetes.io/name'] === 'migrate')
    if (job === undefined) throw new Error('There is no Job of migrations')
    const { username, pathname } = new URL(environmentOf(manifests, job).values.ADMIN_DATABASE_URL ?? '')
    expect([username, pathname]).toEqual([postgres.POSTGRES_USER, database])
    for (const { env = [] } of job.containers) {
      const passwords = env.filter(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined)
      expect(passwords.map(({ valueFrom }) => valueFrom?.secretKeyRef?.key)).toEqual(
        passwords.map(({ name }) => name),
      )
    }
  })

  test('what is named after a service leads to that service', () => {
    for (const pod of services) {
      for (const [name, value] of Object.entries(environmentOf(manifests, pod).values)) {
        const [, named] = /^(AUTH|INVENTORY|ORDER|PAYMENT|DELIVERY_ROUTING)_URL$/.exec(name) ?? []
        if (named === undefined) continue
        expect(new URL(value).hostname, `${pod.name} ${name}`).toBe(named.toLowerCase().replaceAll('_', '-'))
      }
    }
  })
})

test('the guide makes the database that the manifests mean', () => {
  expect(/--db-name (\S+)/.exec(guide)?.[1]).toBe(postgres.POSTGRES_DB)
  expect(/--master-username (\S+)/.exec(guide)?.[1]).toBe(postgres.POSTGRES_USER)
})

test('with the component, every service sends its traces to the collector', async () => {
  const everything = variants['every component']
  for (const pod of workloadsOf(everything).filter(isService)) {
    const config = (await configOf(everything, pod)) as { tracing?: object; http?: { tracing?: object } }
    expect(config.tracing ?? config.http?.tracing, pod.name).toMatchObject({
      endpoint: 'http://otel-collector.observability:4318',
    })
  }
})

test('the sandbox tells the gateway where the provider would', () => {
  const { SANDBOX_WEBHOOK_URL = '' } = environmentOf(
    variants.local,
    workload(variants.local, 'payment-sandbox'),
  ).values
  const compose = readFileSync(path.join(repository, 'docker/compose.yaml'), 'utf8')
  const { hostname, pathname } = new URL(SANDBOX_WEBHOOK_URL)
  expect(hostname).toBe('gateway')
  expect(compose).toContain(`${pathname}\n`)
})
