import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { migrateDatabase } from '@urbanbloom/database/migrate'
import { serviceSchemas } from '@urbanbloom/database/roles'
import type { Child } from '@urbanbloom/local/child'
import { freePort } from '@urbanbloom/local/ports'
import { runStatement, withUrlParts } from '@urbanbloom/local/postgres-server'
import { startProgram, waitUntilReady } from '@urbanbloom/local/program-process'
import { type ProgramName, programNames, serviceNames } from '@urbanbloom/local/programs'
import { type Deployment, urlOf } from '@urbanbloom/local/service-environment'
import { rolePasswords } from '@urbanbloom/test-kit/role-passwords'
import { planDeployments } from '@urbanbloom/test-kit/system-plan'
import { startPostgres, startRedis } from '@urbanbloom/test-kit/test-servers'

export type DrillSystem = Awaited<ReturnType<typeof startDrillSystem>>

const READY_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 28_000

type Options = {
  logFolder: string
  /** Further environment variables by program. */
  env?: Partial<Record<ProgramName, NodeJS.ProcessEnv>>
}

/** The whole system with a Postgres and a Redis of its own, each part of which can be taken away and brought back. */
export async function startDrillSystem({ logFolder, env = {} }: Options) {
  const resources = new AsyncDisposableStack()
  try {
    const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
    resources.defer(() => postgres.close())
    resources.defer(() => redis.close())
    await runStatement(postgres.adminUrl, 'create database urbanbloom')
    const adminUrl = withUrlParts(postgres.adminUrl, { database: 'urbanbloom' })
    await migrateDatabase({ adminUrl, rolePasswords })
    const urlFor = (service: string) => {
      const role = serviceSchemas.find((target) => target.service === service)?.role ?? service
      return withUrlParts(adminUrl, { user: role, password: rolePasswords[role] ?? '' })
    }
    const [planned] = await planDeployments({
      replicas: 1,
      database: { urlFor },
      redisUrl: redis.url,
      logLevel: 'info',
      objectsFolder: join(logFolder, 'objects'),
    })
    const metricsPort = await freePort()
    // What was paid must still be known when the sandbox comes back.
    const sandboxFolder = join(logFolder, 'payment-sandbox')
    await mkdir(sandboxFolder, { recursive: true })
    const deployment = { ...(planned as Deployment), gatewayMetricsPort: metricsPort, sandboxFolder }
    const programs = await startPrograms(deployment, { logFolder, env }, resources)
    return {
      adminUrl,
      postgres,
      redis,
      ...programs,
      internalToken: deployment.secrets.internalToken,
      gatewayUrl: urlOf('gateway', deployment),
      urlOf: (program: ProgramName) => urlOf(program, deployment),
      /** Where Prometheus finds each service. */
      targets: Object.fromEntries(
        serviceNames.map((name) => [
          name,
          `127.0.0.1:${name === 'gateway' ? metricsPort : deployment.ports[name]}`,
        ]),
      ),
      sql: (text: string) => runStatement(adminUrl, text),
      close: () => resources.disposeAsync(),
    }
  } catch (err) {
    await resources.disposeAsync()
    throw err
  }
}

async function startPrograms(
  deployment: Deployment,
  { logFolder, env }: Required<Options>,
  resources: AsyncDisposableStack,
) {
  const children = new Map<ProgramName, Child>()
  const start = async (program: ProgramName) => {
    const child = await startProgram(program, deployment, { logFolder, env: env[program] ?? {} })
    children.set(program, child)
    await waitUntilReady(program, deployment, { child, limitMs: READY_LIMIT_MS })
  }
  resources.defer(async () => {
    await Promise.all([...children.values()].map((child) => child.stop(STOP_LIMIT_MS)))
  })
  // The last resort when the drill is ended without a chance to close.
  process.once('exit', () => {
    for (const child of children.values()) child.signal('SIGKILL')
  })
  const starting = programNames.map(start)
  await Promise.allSettled(starting)
  await Promise.all(starting)
  return {
    start,
    async kill(program: ProgramName): Promise<void> {
      const child = children.get(program)
      child?.signal('SIGKILL')
      await child?.exited
    },
  }
}
