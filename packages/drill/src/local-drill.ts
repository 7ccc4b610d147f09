import { type ServiceName, serviceNames } from '@urbanbloom/local/programs'
import { audit } from '@urbanbloom/test-kit/audit'
import { createOps } from '@urbanbloom/test-kit/people'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { type LoadReport, runUnderLoad } from './load.ts'
import { type Roll, startLocalSystem } from './local-system.ts'
import { createPopulation } from './population.ts'

const SETTLE_LIMIT_MS = 60_000

export type LocalDrill = { load: LoadReport; rolls: Roll[]; problems: string[] }

/**
 * Rolls the processes of a system on this machine one after the other while customers, drivers and ops use it, and
 * audits the books at the end.
 */
export async function runLocalDrill(options: {
  adminUrl: string
  databaseUrlFor: (service: string) => string
  redisUrl: string
  logFolder: string
  ratePerSecond: number
  minSeconds: number
  /** How many of the two processes of each service are rolled. */
  rolledReplicas: 1 | 2
  drainDelayMs: number
  probeEveryMs: number
  say?: (line: string) => void
}): Promise<LocalDrill> {
  const { rolledReplicas, ratePerSecond, minSeconds, say = () => undefined } = options
  say('Starting two processes of every service')
  await using system = await startLocalSystem(options)
  say('Making customers, plants and a route')
  const population = await createPopulation(system.gatewayUrl, await createOps(system))
  const rolls: Roll[] = []
  const rollAll = async () => {
    for (const [service, replica] of plan(rolledReplicas)) {
      const roll = await system.roll(service, replica)
      rolls.push(roll)
      say(
        `${service} ${replica} stopped in ${seconds(roll.stopMs)} and was ready again in ${seconds(roll.startMs)}`,
      )
    }
  }
  say(`Rolling ${plan(rolledReplicas).length} processes at ${ratePerSecond} requests/s`)
  const load = await runUnderLoad(population, { ratePerSecond, minSeconds, work: rollAll })
  const problems = [
    ...load.problems,
    ...rolls
      .filter(({ exit }) => exit !== 'ok')
      .map(({ service, replica, exit }) => `${service} ${replica} did not stop in good order: ${exit}`),
    ...system.refusedConnections().map((refused) => `a connection was lost: ${refused}`),
    ...(await auditAtRest(options.adminUrl)),
  ]
  return { load, rolls, problems }
}

/** Service by service, one process after the other. */
function plan(rolledReplicas: number): [ServiceName, number][] {
  return serviceNames.flatMap((service) =>
    Array.from({ length: rolledReplicas }, (_, replica): [ServiceName, number] => [service, replica]),
  )
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
