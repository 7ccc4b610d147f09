import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { migrateDatabase } from '@urbanbloom/database/migrate'
import { serviceSchemas } from '@urbanbloom/database/roles'
import { freePort } from '@urbanbloom/local/ports'
import { runStatement, withUrlParts } from '@urbanbloom/local/postgres-server'
import { startProgram, waitUntilReady } from '@urbanbloom/local/program-process'
import { type ProgramName, programNames } from '@urbanbloom/local/programs'
import { generateSecrets } from '@urbanbloom/local/secrets'
import { type Deployment, urlOf } from '@urbanbloom/local/service-environment'
import { ranks } from '@urbanbloom/local/supervisor'
import type { Measured } from './cpu.ts'
import { startServers } from './servers.ts'

const READY_LIMIT_MS = 60_000
/** Far above what one machine can ask: what is measured is the work, not the refusal of it. */
const NO_LIMIT = '6000000'

export type BenchSystem = Awaited<ReturnType<typeof startBenchSystem>>

/**
 * All services as processes of their own, as production runs them: one of each, log level `info` with the logs
 * in files, a Postgres with its default durability and a Redis.
 * @param options.logLevel `info` unless given, as in production.
 * @param options.profileFolder where each service leaves a CPU profile when it stops, while Postgres counts its
 *   statements; neither unless given, because both cost time.
 */
export async function startBenchSystem(options: { profileFolder?: string; logLevel?: string } = {}) {
  const servers = await startServers({
    postgresSettings: {
      // For recording the statements of one checkout; nothing but warnings is written otherwise.
      logging_collector: 'on',
      log_destination: 'jsonlog',
      log_directory: 'log',
      ...(options.profileFolder !== undefined && { shared_preload_libraries: 'pg_stat_statements' }),
    },
  })
  try {
    await runStatement(servers.adminUrl, 'create database urbanbloom')
    const adminUrl = withUrlParts(servers.adminUrl, { database: 'urbanbloom' })
    const secrets = generateSecrets()
    await migrateDatabase({ adminUrl, rolePasswords: secrets.rolePasswords })
    const databaseUrlFor = (service: string) => {
      const role = serviceSchemas.find((target) => target.service === service)?.role ?? service
      return withUrlParts(adminUrl, { user: role, password: secrets.rolePasswords[role] ?? '' })
    }
    const { redisUrl } = servers
    const deployment: Deployment = {
      ports: await freePorts(),
      databaseUrlFor,
      redisUrl,
      secrets,
      logLevel: options.logLevel ?? 'info',
      objectsFolder: join(servers.folder, 'objects'),
    }
    const logFolder = join(servers.folder, 'logs')
    await mkdir(logFolder)
    const start = (program: ProgramName) => startOne({ program, deployment, logFolder, servers, ...options })
    const programs = await Promise.all(programNames.map(start))
    const processes: Measured[] = [...programs, ...servers.processes]
    return {
      adminUrl,
      logFolder,
      postgresFolder: join(servers.folder, 'data'),
      deployment,
      databaseUrlFor,
      redisUrl,
      internalToken: secrets.internalToken,
      gatewayUrl: urlOf('gateway', deployment),
      urlOf: (program: ProgramName) => urlOf(program, deployment),
      /** What a request costs: the six services and their servers. */
      counted: processes.filter(({ name }) => name !== 'payment-sandbox'),
      processes,
      /** Stops the services, so that they leave their profiles; Postgres and Redis go on. */
      async stopPrograms(): Promise<void> {
        await Promise.all(programs.map(({ child }) => child.stop(28_000)))
      },
      close: () => servers.close(),
    }
  } catch (err) {
    await servers.close()
    throw err
  }
}

type Start = {
  program: ProgramName
  deployment: Deployment
  logFolder: string
  servers: Awaited<ReturnType<typeof startServers>>
  profileFolder?: string
}

async function startOne({ program, deployment, logFolder, servers, profileFolder }: Start) {
  const child = await startProgram(program, deployment, {
    logFolder,
    env: {
      ...(program === 'gateway' && {
        RATE_LIMIT_PER_MINUTE: NO_LIMIT,
        AUTH_RATE_LIMIT_PER_MINUTE: NO_LIMIT,
        WEBHOOK_RATE_LIMIT_PER_MINUTE: NO_LIMIT,
      }),
      ...(profileFolder !== undefined && {
        NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profileFolder} --cpu-prof-name=${program}.cpuprofile`,
      }),
    },
  })
  const rank = program === 'gateway' ? ranks.gateway : ranks.service
  await servers.supervisor.add(child, program === 'payment-sandbox' ? ranks.sandbox : rank, program)
  await waitUntilReady(program, deployment, { child, limitMs: READY_LIMIT_MS })
  return { name: program, pid: child.pid, child }
}

async function freePorts(): Promise<Record<ProgramName, number>> {
  const ports: Partial<Record<ProgramName, number>> = {}
  for (const program of programNames) {
    let port = await freePort()
    while (Object.values(ports).includes(port)) port = await freePort()
    ports[program] = port
  }
  return ports as Record<ProgramName, number>
}
