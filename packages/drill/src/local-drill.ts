import { setTimeout as delay } from 'node:timers/promises'
import { audit } from '@urbanbloom/test-kit/audit'
import { createOps } from '@urbanbloom/test-kit/people'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { type LoadReport, runUnderLoad } from './load.ts'
import { type LocalSystem, type Roll, startLocalSystem } from './local-system.ts'
import { createPopulation } from './population.ts'
import type { Usage } from './process-usage.ts'
import { type UnitName, unitNames } from './units.ts'

const SETTLE_LIMIT_MS = 60_000

export type LocalDrill = { load: LoadReport; rolls: Roll[]; usage: Usage[]; problems: string[] }

type Options = {
  adminUrl: string
  databaseUrlFor: (service: string) => string
  redisUrl: string
  logFolder: string
  ratePerSecond: number
  minSeconds: number
  /** How many of the two processes of each service are rolled. */
  rolledReplicas: 1 | 2
  /** Of these one process is taken away and later added again. */
  scaledUnits: readonly UnitName[]
  /** How long a service that was made smaller stays so. */
  scaledDownMs: number
  /** In which time a process that was added must have got requests; not asked unless given. */
  spreadLimitMs?: number
  /** How long the use of CPU and memory is measured at rest, and then under load before anything stops. */
  restMs: number
  steadyMs: number
  drainDelayMs: number
  preStopMs: number
  probeEveryMs: number
  say?: (line: string) => void
}

/**
 * Rolls the processes of a system on this machine one after the other, and takes some away for a while, as customers,
 * drivers and ops use it; measures what it uses, and audits the books at the end.
 */
export async function runLocalDrill(options: Options): Promise<LocalDrill> {
  const { ratePerSecond, minSeconds, say = () => undefined } = options
  say('Starting two processes of every service')
  await using system = await startLocalSystem(options)
  system.meter.enter('rest')
  await delay(options.restMs)
  system.meter.enter(undefined)
  say('Making customers, plants and a route')
  const population = await createPopulation(system.gatewayUrl, await createOps(system))
  const rolls: Roll[] = []
  const problems: string[] = []
  const work = async () => {
    system.meter.enter('load')
    await delay(options.steadyMs)
    system.meter.enter('disruption')
    await rollAll(system, { ...options, say, rolls })
    problems.push(...(await scaleAll(system, { ...options, say })))
    system.meter.enter(undefined)
  }
  say(`${ratePerSecond} requests/s from here on`)
  const load = await runUnderLoad(population, { ratePerSecond, minSeconds, work })
  problems.push(
    ...load.problems,
    ...rolls
      .filter(({ exit }) => exit !== 'ok')
      .map(({ unit, replica, exit }) => `${unit} ${replica} did not stop in good order: ${exit}`),
    ...system.refusedConnections().map((refused) => `a connection was lost: ${refused}`),
    ...(await auditAtRest(options.adminUrl)),
  )
  return { load, rolls, usage: system.meter.usage(unitNames), problems }
}

/** Service by service, one process after the other. */
async function rollAll(
  system: LocalSystem,
  { rolledReplicas, rolls, say }: Options & { rolls: Roll[]; say: (line: string) => void },
): Promise<void> {
  for (const unit of unitNames) {
    for (let replica = 0; replica < rolledReplicas; replica += 1) {
      const roll = await system.roll(unit, replica)
      rolls.push(roll)
      say(
        `${unit} ${replica} stopped in ${seconds(roll.stopMs)} and was ready again in ${seconds(roll.startMs)}`,
      )
    }
  }
}

/** @returns what was wrong: a process that did not stop in good order, or one that was added and got no requests. */
async function scaleAll(
  system: LocalSystem,
  options: Options & { say: (line: string) => void },
): Promise<string[]> {
  const { scaledUnits, scaledDownMs, spreadLimitMs, say } = options
  const problems: string[] = []
  for (const unit of scaledUnits) {
    const exit = await system.scaleDown(unit, 1)
    if (exit !== 'ok') problems.push(`${unit} 1 did not stop in good order when it was taken away: ${exit}`)
    await delay(scaledDownMs)
    await system.scaleUp(unit, 1)
    say(`${unit} went on with one process for ${seconds(scaledDownMs)} and has two again`)
  }
  if (spreadLimitMs === undefined) return problems
  const late = await Promise.all(scaledUnits.map((unit) => waitForRequests(system, unit, spreadLimitMs)))
  return [...problems, ...late.filter((problem) => problem !== undefined)]
}

/** Nothing calls the optimizer, and who calls the gateway is not ours to spread. */
async function waitForRequests(
  system: LocalSystem,
  unit: UnitName,
  limitMs: number,
): Promise<string | undefined> {
  if (unit === 'gateway' || unit === 'delivery-optimizer') return undefined
  try {
    await waitFor(async () => (await system.requestsServedBy(unit, 1)) > 0, {
      describe: `${unit} 1, which was added, answers requests`,
      timeoutMs: limitMs,
    })
    return undefined
  } catch (err) {
    return (err as Error).message
  }
}

/** What the audit still finds broken once the queues had time to empty. */
async function auditAtRest(adminUrl: string): Promise<string[]> {
  let broken: string[] = []
  const isClean = async () => {
    broken = await audit(adminUrl)
    return broken.length === 0
  }
  await waitFor(isClean, { describe: 'the books balance', timeoutMs: SETTLE_LIMIT_MS }).catch(() => undefined)
  return broken
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}
