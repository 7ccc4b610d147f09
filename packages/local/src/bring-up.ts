import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { migrateDatabase } from '@urbanbloom/database/migrate'
import { serviceSchemas } from '@urbanbloom/database/roles'
import type { Child } from './child.ts'
import { Failure, reasonOf } from './failure.ts'
import { startLocalPostgres, startLocalRedis } from './local-servers.ts'
import { withUrlParts } from './postgres-server.ts'
import { startProgram, waitUntilReady } from './program-process.ts'
import { type ProgramName, programNames } from './programs.ts'
import type { Step } from './progress.ts'
import type { RedisSource } from './redis-source.ts'
import type { Secrets } from './secrets.ts'
import { seedPeopleAndFleet, seedPlants } from './seed.ts'
import type { Deployment } from './service-environment.ts'
import type { Settings } from './settings.ts'
import { ranks, type Supervisor } from './supervisor.ts'

const READY_LIMIT_MS = 60_000

export type BringUp = {
  settings: Settings
  secrets: Secrets
  /** Where to get a Redis from; undefined when one is given. */
  redisSource: RedisSource | undefined
  supervisor: Supervisor
  step: Step
  /** Aborted when the person does not want the system any more, or when a part of it has failed. */
  signal: AbortSignal
  giveUp: () => void
}

/** Starts the servers and all programs, and resolves once everything is ready and has something to show. */
export async function bringUp(context: BringUp): Promise<Deployment> {
  const { settings, secrets, step, signal } = context
  const [adminUrl, redisUrl] = await together(context, [startPostgres(context), startRedis(context)])
  await step('Migrating the database', 'The database has the newest schema', () => migrate(adminUrl, secrets))
  signal.throwIfAborted()

  const sandboxFolder = join(settings.dataFolder, 'payment-sandbox')
  await mkdir(sandboxFolder, { recursive: true })
  const deployment: Deployment = {
    ports: settings.ports,
    gatewayMetricsPort: settings.gatewayMetricsPort,
    databaseUrlFor: (service) => roleUrl(adminUrl, service, secrets),
    redisUrl,
    secrets,
    logLevel: settings.logLevel,
    sandboxFolder,
    mailFolder: join(settings.dataFolder, 'mail'),
    objectsFolder: join(settings.dataFolder, 'objects'),
  }
  await step('Starting the services and the payment sandbox', 'All services are ready', () =>
    together(context, [
      step(undefined, 'The catalog is filled', () => seedPlants(deployment)),
      ...programNames.map((program) => startOne(program, deployment, context)),
    ]),
  )
  await step('Making accounts and a fleet', 'Accounts, hub, vehicle, driver and shifts are there', () =>
    seedPeopleAndFleet(deployment, signal),
  )
  return deployment
}

/**
 * Like Promise.all; but where one fails the others are given up, and only once all have ended is the reason thrown,
 * so that nothing is started behind the back of whoever stops everything.
 */
async function together<T extends readonly Promise<unknown>[]>(
  { giveUp }: BringUp,
  works: readonly [...T],
): Promise<{ [Index in keyof T]: Awaited<T[Index]> }> {
  const all = Promise.all(works)
  all.catch(giveUp)
  await Promise.allSettled(works)
  return all
}

function startPostgres(context: BringUp): Promise<string> {
  const { databaseUrl } = context.settings
  if (databaseUrl !== undefined) return Promise.resolve(databaseUrl)
  return context.step('Starting Postgres', 'Postgres runs', () => startLocalPostgres(context))
}

function startRedis(context: BringUp): Promise<string> {
  const { redisSource: source, settings } = context
  if (source === undefined) return Promise.resolve(settings.redisUrl as string)
  const titles = {
    program: 'Starting Redis',
    docker: 'Starting Redis in Docker',
    'debian-package': 'Installing Redis with apt-get',
  }
  return context.step(titles[source.kind], 'Redis runs', () => startLocalRedis({ ...context, source }))
}

async function migrate(adminUrl: string, { rolePasswords }: Secrets): Promise<void> {
  try {
    await migrateDatabase({ adminUrl, rolePasswords })
  } catch (err) {
    throw new Failure(`The database could not be brought to the newest schema: ${reasonOf(err)}`, {
      cause: err,
    })
  }
}

async function startOne(program: ProgramName, deployment: Deployment, context: BringUp): Promise<void> {
  const { settings, supervisor, step, signal } = context
  await step(undefined, `${program} is ready on port ${settings.ports[program]}`, async () => {
    const child: Child = await startProgram(program, deployment, {
      logFolder: join(settings.dataFolder, 'logs'),
    })
    await supervisor.add(child, rankOf(program), `${program}/src/main.ts`)
    await waitUntilReady(program, deployment, { child, limitMs: READY_LIMIT_MS, signal })
  })
}

function rankOf(program: ProgramName) {
  if (program === 'gateway') return ranks.gateway
  return program === 'payment-sandbox' ? ranks.sandbox : ranks.service
}

function roleUrl(adminUrl: string, service: string, secrets: Secrets): string {
  const role = serviceSchemas.find((target) => target.service === service)?.role
  if (role === undefined) throw new Error(`The service "${service}" has no role in the database`)
  return withUrlParts(adminUrl, { user: role, password: secrets.rolePasswords[role] ?? '' })
}
