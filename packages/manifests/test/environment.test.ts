import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { environmentOf, secretsOf } from '../src/environment.ts'
import { isService, workload, workloadsOf } from '../src/manifest.ts'
import { configOf, environmentHere, type ReadConfig, readConfigOf, repository } from '../src/program.ts'
import { renderFolder } from '../src/render.ts'

const overlays = {
  local: await renderFolder('overlays/local'),
  production: await renderFolder('overlays/production'),
}

/** A variable is read when another value of it makes another configuration, or none. */
function isRead(readConfig: ReadConfig, env: Record<string, string>, name: string): boolean {
  try {
    const changed = readConfig({ ...env, [name]: `${env[name]}1` })
    return !isDeepStrictEqual(changed, readConfig(env))
  } catch {
    return true
  }
}

const programs = Object.entries(overlays).flatMap(([overlay, manifests]) =>
  workloadsOf(manifests)
    .filter((pod) => isService(pod) || pod.name === 'payment-sandbox')
    .map((pod) => [overlay, pod.name, manifests] as const),
)

test.each(programs)('%s: %s has all that it needs, and reads all that it has', async (_, name, manifests) => {
  const pod = workload(manifests, name)
  const { parts } = environmentOf(manifests, pod)
  const readConfig = await readConfigOf(pod)
  const env = environmentHere(manifests, pod)
  // Fails with the names of all that is missing.
  readConfig(env)
  const unread = Object.keys(env).filter((each) => !parts.has(each) && !isRead(readConfig, env, each))
  expect(unread).toEqual([])
})

/** Programs that run once read their environment as they start; without one they name all that they miss. */
function variablesOf(program: string): string[] {
  const { stdout, stderr } = spawnSync(process.execPath, [path.join(repository, program)], {
    env: { PATH: process.env.PATH },
    encoding: 'utf8',
  })
  const missing = (stdout + stderr).matchAll(/(\w+) is not set/g)
  return [...new Set([...missing].map(([, name]) => name as string))]
}

test.each([
  ['local', 'migrate', 'packages/database/src/main.ts', []],
  ['production', 'migrate', 'packages/database/src/main.ts', ['DATABASE_CA_FILE']],
  ['local', 'seed', 'packages/local/src/seed-containers.ts', []],
] as const)('%s: %s has exactly what its program reads', (overlay, name, program, optional) => {
  const manifests = overlays[overlay]
  // The Job of a release has the release in its name.
  const job = workloadsOf(manifests).find(({ labels }) => labels['app.kubernetes.io/name'] === name)
  if (job === undefined) throw new Error(`There is no Job ${name}`)
  const { values, parts } = environmentOf(manifests, job)
  const given = Object.keys(values).filter((each) => !parts.has(each))
  expect(given.toSorted()).toEqual([...variablesOf(program), ...optional].toSorted())
})

test('the local overlay pays at the sandbox, production at the provider', async () => {
  const { local, production } = overlays
  expect(await configOf(local, workload(local, 'payment'))).toMatchObject({
    stripe: { apiUrl: 'http://payment-sandbox:8080', isSandbox: true },
  })
  expect(await configOf(production, workload(production, 'payment'))).toMatchObject({
    stripe: { apiUrl: 'https://api.stripe.com', isSandbox: false },
  })
  const names = workloadsOf(overlays.production).map(({ name }) => name)
  expect(names).not.toContain('payment-sandbox')
  expect(names).not.toContain('seed')
})

test('the optimizer plans and the other part of delivery-routing does not', async () => {
  const { production } = overlays
  for (const [name, role] of [
    ['delivery-routing', 'api'],
    ['delivery-optimizer', 'optimizer'],
  ] as const) {
    expect(await configOf(production, workload(production, name))).toMatchObject({ role })
  }
})

test.each(Object.entries(overlays))(
  '%s: each secret is used, and none stands in a manifest',
  (_, manifests) => {
    const used = workloadsOf(manifests).flatMap((pod) => environmentOf(manifests, pod).secrets)
    const names = used.map(({ secret, key }) => `${secret} ${key}`)
    const made = [...secretsOf(manifests)].flatMap(([secret, values]) =>
      Object.keys(values).map((key) => `${secret} ${key}`),
    )
    expect(made.filter((each) => !names.includes(each))).toEqual([])
    const plain = workloadsOf(manifests).flatMap(({ containers }) =>
      containers.flatMap(({ env = [] }) =>
        env.filter(({ name, value }) => /TOKEN$|SECRET|PASSWORD|KEY$/.test(name) && value !== undefined),
      ),
    )
    expect(plain).toEqual([])
  },
)

test('a service gets no password but its own', () => {
  const { production } = overlays
  for (const pod of workloadsOf(production).filter(isService)) {
    const passwords = environmentOf(production, pod).secrets.filter(({ secret }) => secret === 'database')
    const service = pod.name === 'delivery-optimizer' ? 'delivery-routing' : pod.name
    const own = `${service.replaceAll('-', '_').toUpperCase()}_SERVICE_PASSWORD`
    expect(passwords.map(({ key }) => key)).toEqual(service === 'gateway' ? [] : [own])
  }
})
