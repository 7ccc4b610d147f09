import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type ChildExit, describeExit } from '@urbanbloom/local/child'
import { type ProgramName, type ServiceName, serviceNames } from '@urbanbloom/local/programs'
import { type Deployment, urlOf } from '@urbanbloom/local/service-environment'
import { planDeployments } from '@urbanbloom/test-kit/system-plan'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { request } from 'undici'
import { type Balancer, startBalancer } from './balancer.ts'
import { createFleet, nameOf } from './fleet.ts'
import { processEndpoint } from './process-endpoint.ts'
import { startUsageMeter } from './process-usage.ts'
import { programOf, type UnitName, unitNames } from './units.ts'

const REPLICAS = 2
const READY_LIMIT_MS = 60_000
const isProbe = /route="\/(livez|readyz|metrics)"/

export type Roll = { unit: UnitName; replica: number; stopMs: number; startMs: number; exit: string }

/**
 * Two processes of every service, each pair behind a balancer that takes the place of its Kubernetes Service: the
 * gateway and the services know each other by that one address, as in a cluster. Plans are computed by two processes
 * of delivery-routing that nothing calls. The payment sandbox stands for the card provider, which is not ours to roll.
 */
export async function startLocalSystem(options: {
  databaseUrlFor: (service: string) => string
  redisUrl: string
  logFolder: string
  /** How long a stopping process goes on serving; the balancers must notice in less. */
  drainDelayMs: number
  /** How long a process that is taken away still works before it is told, as the manifests' `preStop`. */
  preStopMs: number
  probeEveryMs: number
}) {
  const { databaseUrlFor, redisUrl, logFolder, drainDelayMs, preStopMs, probeEveryMs } = options
  const planned = await planDeployments({
    replicas: REPLICAS,
    database: { urlFor: databaseUrlFor },
    redisUrl,
    logLevel: 'info',
    objectsFolder: join(logFolder, 'objects'),
  })
  const balancers = await startBalancers(planned, probeEveryMs)
  const balancerOf = (unit: UnitName | ProgramName) => balancers[unit as ServiceName] as Balancer | undefined
  const environment = environmentBehind(balancers, drainDelayMs)
  const fleet = await createFleet({ planned, logFolder, environment })
  const meter = startUsageMeter(fleet.running)

  const start = async (unit: UnitName, replica: number) => {
    await meter.noteStart(await fleet.start(unit, replica))
    const balancer = balancerOf(unit)
    balancer?.restore(nameOf(unit, replica))
    if (balancer !== undefined) await untilUp(balancer, nameOf(unit, replica))
  }
  const close = async () => {
    await meter.stop()
    await fleet.close()
    await Promise.all(Object.values(balancers).map((balancer) => balancer.close()))
  }
  const starting = [
    fleet.startSandbox(),
    ...unitNames.flatMap((unit) => planned.map((_, replica) => start(unit, replica))),
  ]
  try {
    await Promise.all(starting)
  } catch (err) {
    await Promise.allSettled(starting)
    await close()
    throw err
  }
  const first = planned[0] as Deployment
  return {
    gatewayUrl: balancers.gateway.url,
    internalToken: first.secrets.internalToken,
    urlOf: (program: ProgramName) => balancerOf(program)?.url ?? urlOf(program, first),
    meter,
    /** Stops one process with SIGTERM before its balancer knows of it, and starts it again once it is gone. */
    async roll(unit: UnitName, replica: number): Promise<Roll> {
      const begin = performance.now()
      const exit = await fleet.stop(unit, replica)
      const gone = performance.now()
      await start(unit, replica)
      const startMs = performance.now() - gone
      return { unit, replica, stopMs: gone - begin, startMs, exit: wordsOf(exit) }
    },
    /**
     * Takes one process away as Kubernetes does when a Deployment becomes smaller: new connections go elsewhere, then
     * `preStop` passes, then it is told. @returns how it ended; `ok` in good order.
     */
    async scaleDown(unit: UnitName, replica: number): Promise<string> {
      balancerOf(unit)?.withdraw(nameOf(unit, replica))
      await delay(preStopMs)
      return wordsOf(await fleet.stop(unit, replica))
    },
    scaleUp: start,
    /** How many requests a process has answered since its start, probes not counted. */
    requestsServedBy: (unit: Exclude<UnitName, 'gateway'>, replica: number) =>
      countRequests(urlOf(programOf(unit), fleet.deploymentOf(unit, replica))),
    /** Connections that met no listening process, in words. */
    refusedConnections: () => Object.values(balancers).flatMap(({ refused }) => refused),
    close,
    [Symbol.asyncDispose]: close,
  }
}

export type LocalSystem = Awaited<ReturnType<typeof startLocalSystem>>

async function countRequests(processUrl: string): Promise<number> {
  const { body } = await request(`${processUrl}/metrics`, { reset: true })
  const lines = (await body.text()).split('\n')
  return lines
    .filter((line) => line.startsWith('http_requests_total{') && !isProbe.test(line))
    .reduce((sum, line) => sum + Number(/} ([\d.e+]+)/.exec(line)?.[1]), 0)
}

async function startBalancers(
  deployments: readonly Deployment[],
  probeEveryMs: number,
): Promise<Record<ServiceName, Balancer>> {
  const started = await Promise.all(
    serviceNames.map(async (name) => {
      const endpoints = deployments.map(({ ports }, replica) =>
        processEndpoint(nameOf(name, replica), ports[name]),
      )
      return [name, await startBalancer({ name, endpoints: () => endpoints, probeEveryMs })] as const
    }),
  )
  return Object.fromEntries(started) as Record<ServiceName, Balancer>
}

/** What differs from a system of single processes: every address is a balancer's. */
function environmentBehind(
  balancers: Record<ServiceName, Balancer>,
  drainDelayMs: number,
): NodeJS.ProcessEnv {
  const gateway = balancers.gateway.url
  return {
    DRAIN_DELAY_MS: String(drainDelayMs),
    AUTH_URL: balancers.auth.url,
    INVENTORY_URL: balancers.inventory.url,
    ORDER_URL: balancers.order.url,
    PAYMENT_URL: balancers.payment.url,
    DELIVERY_ROUTING_URL: balancers['delivery-routing'].url,
    PUBLIC_URL: gateway,
    SANDBOX_WEBHOOK_URL: `${gateway}/v1/payments/webhooks/stripe`,
  }
}

function untilUp(balancer: Balancer, name: string): Promise<unknown> {
  return waitFor(() => balancer.isUp(name), {
    describe: `${name} is given connections`,
    timeoutMs: READY_LIMIT_MS,
  })
}

function wordsOf(exit: ChildExit): string {
  return exit.code === 0 ? 'ok' : describeExit(exit)
}
