import { rmSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Child, type ChildExit, lastLines } from '@urbanbloom/local/child'
import { startProgram, waitUntilReady } from '@urbanbloom/local/program-process'
import { type ProgramName, programNames } from '@urbanbloom/local/programs'
import { type Deployment, urlOf } from '@urbanbloom/local/service-environment'
import type { PostgresHandle, RedisHandle } from './server-handle.ts'
import { planDeployments } from './system-plan.ts'
import { createTestDatabase, testRedisUrl } from './test-database.ts'

const READY_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 28_000

export type SystemOptions = {
  /** How many processes of each service; 1 unless given. There is one payment sandbox for all. */
  replicas?: number
  /** Further environment variables by program, for all its replicas. */
  env?: Partial<Record<ProgramName, NodeJS.ProcessEnv>>
  /** Only these programs; all unless given. */
  programs?: readonly ProgramName[]
  /** Servers of the test's own, which it means to stop. */
  postgres?: PostgresHandle
  redis?: RedisHandle
  logLevel?: string
}

/** Which process of a program; the first one unless given. */
export type Which = { replica?: number }

export type System = Awaited<ReturnType<typeof startSystem>>

/**
 * Starts real processes of all services over one test database and waits until each is ready. It may be declared
 * with `await using`. With the variable TEST_LOGS set to a folder, the logs are kept there.
 */
export async function startSystem(options: SystemOptions = {}) {
  const { replicas = 1, programs = programNames, env = {}, postgres, redis, logLevel = 'info' } = options
  const database = await createTestDatabase({ postgres })
  const redisUrl = redis?.url ?? (await testRedisUrl())
  const objectsFolder = await mkdtemp(join(tmpdir(), 'urbanbloom-objects-'))
  const deployments = await planDeployments({ replicas, database, redisUrl, logLevel, objectsFolder })
  const fleet = await createFleet(deployments)

  const close = async () => {
    await fleet.close()
    await rm(objectsFolder, { recursive: true, force: true })
    await database.close()
  }
  const starting = deployments.flatMap((_, replica) =>
    programs
      .filter((program) => program !== 'payment-sandbox' || replica === 0)
      .map((program) => fleet.start(program, replica, env[program])),
  )
  try {
    await Promise.all(starting)
  } catch (err) {
    await Promise.allSettled(starting)
    await close()
    throw err
  }
  const first = only(deployments, 0)
  return {
    database,
    redisUrl,
    internalToken: first.secrets.internalToken,
    /** What the payment sandbox wants as a bearer token. */
    sandboxKey: first.secrets.stripeApiKey,
    /** Where customers come in. */
    gatewayUrl: urlOf('gateway', first),
    /** The same for each replica. */
    gatewayUrls: deployments.map((deployment) => urlOf('gateway', deployment)),
    /** The address of one process, around the gateway. */
    urlOf: (program: ProgramName, which: Which = {}) => urlOf(program, only(deployments, which.replica ?? 0)),
    pidOf: (program: ProgramName, which: Which = {}) => fleet.find(program, which).pid,
    /** The end of a process's log. */
    logOf: (program: ProgramName, which: Which & { lines?: number } = {}) =>
      lastLines(fleet.find(program, which).logFile, which.lines ?? 50),
    /** Resolves when the process ends, as it does by itself at a failpoint. */
    exited: (program: ProgramName, which: Which = {}) => fleet.find(program, which).exited,
    /** Sends a signal, SIGKILL unless another is given, and resolves once the process is gone. */
    kill(program: ProgramName, which: Which & { signal?: NodeJS.Signals } = {}): Promise<ChildExit> {
      const child = fleet.find(program, which)
      child.signal(which.signal ?? 'SIGKILL')
      return child.exited
    },
    /** Starts a process again on its port, with `extra` variables, and waits until it is ready. */
    async restart(program: ProgramName, which: Which & { env?: NodeJS.ProcessEnv } = {}): Promise<void> {
      await fleet.find(program, which).stop(STOP_LIMIT_MS)
      await fleet.start(program, which.replica ?? 0, { ...env[program], ...which.env })
    },
    /** Stops every process and drops the database. */
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** The processes of a system, by program and replica. */
async function createFleet(deployments: readonly Deployment[]) {
  const children = new Map<string, Child>()
  const keptLogs = process.env.TEST_LOGS
  if (keptLogs) await mkdir(keptLogs, { recursive: true })
  const logFolder = await mkdtemp(join(keptLogs || tmpdir(), 'urbanbloom-system-'))
  // The last resort when the tests are ended without a chance to close.
  const killAll = () => {
    for (const child of children.values()) child.signal('SIGKILL')
    if (!keptLogs) rmSync(logFolder, { recursive: true, force: true })
  }
  process.once('exit', killAll)

  return {
    async start(program: ProgramName, replica: number, env: NodeJS.ProcessEnv = {}): Promise<void> {
      const folder = join(logFolder, String(replica))
      await mkdir(folder, { recursive: true })
      const deployment = only(deployments, replica)
      const child = await startProgram(program, deployment, { logFolder: folder, env })
      children.set(`${program} ${replica}`, child)
      await waitUntilReady(program, deployment, { child, limitMs: READY_LIMIT_MS })
    },
    find(program: ProgramName, { replica = 0 }: Which): Child {
      const child = children.get(`${program} ${replica}`)
      if (child === undefined) throw new Error(`Replica ${replica} of ${program} was never started`)
      return child
    },
    async close(): Promise<void> {
      await Promise.all([...children.values()].map((child) => child.stop(STOP_LIMIT_MS)))
      process.off('exit', killAll)
      if (!keptLogs) await rm(logFolder, { recursive: true, force: true })
    },
  }
}

function only(deployments: readonly Deployment[], replica: number): Deployment {
  const deployment = deployments[replica]
  if (deployment === undefined)
    throw new Error(`There is no replica ${replica}; there are ${deployments.length}`)
  return deployment
}
