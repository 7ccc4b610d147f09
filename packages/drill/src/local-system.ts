import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Child, describeExit } from '@urbanbloom/local/child'
import { startProgram, waitUntilReady } from '@urbanbloom/local/program-process'
import { type ProgramName, type ServiceName, serviceNames } from '@urbanbloom/local/programs'
import { type Deployment, urlOf } from '@urbanbloom/local/service-environment'
import { planDeployments } from '@urbanbloom/test-kit/system-plan'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { type Balancer, startBalancer } from './balancer.ts'
import { processEndpoint } from './process-endpoint.ts'

const REPLICAS = 2
const READY_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 28_000

export type Roll = { service: ServiceName; replica: number; stopMs: number; startMs: number; exit: string }

/**
 * Two processes of every service, each pair behind a balancer that takes the place of its Kubernetes Service: the
 * gateway and the services know each other by that one address, as in a cluster. The payment sandbox stands for the
 * card provider, which is not ours to roll.
 */
export async function startLocalSystem(options: {
  databaseUrlFor: (service: string) => string
  redisUrl: string
  logFolder: string
  /** How long a stopping process goes on serving; the balancers must notice in less. */
  drainDelayMs: number
  probeEveryMs: number
}) {
  const { databaseUrlFor, redisUrl, logFolder, drainDelayMs, probeEveryMs } = options
  const database = { urlFor: databaseUrlFor }
  const deployments = await planDeployments({ replicas: REPLICAS, database, redisUrl, logLevel: 'info' })
  const children = new Map<string, Child>()
  const killAll = () => {
    for (const child of children.values()) child.signal('SIGKILL')
  }
  process.once('exit', killAll)

  const balancers = await startBalancers(deployments, probeEveryMs)
  const environment = environmentBehind(balancers, drainDelayMs)
  const start = async (program: ProgramName, replica: number) => {
    const deployment = deployments[replica] as Deployment
    const folder = join(logFolder, String(replica))
    await mkdir(folder, { recursive: true })
    const child = await startProgram(program, deployment, { logFolder: folder, env: environment })
    children.set(nameOf(program, replica), child)
    await waitUntilReady(program, deployment, { child, limitMs: READY_LIMIT_MS })
    const balancer = balancers[program as ServiceName]
    if (balancer !== undefined) await untilUp(balancer, nameOf(program, replica))
  }
  const close = async () => {
    await Promise.all([...children.values()].map((child) => child.stop(STOP_LIMIT_MS)))
    await Promise.all(Object.values(balancers).map((balancer) => balancer.close()))
    process.off('exit', killAll)
  }
  const replicas = deployments.map((_, replica) => replica)
  const starting = [
    start('payment-sandbox', 0),
    ...serviceNames.flatMap((service) => replicas.map((replica) => start(service, replica))),
  ]
  try {
    await Promise.all(starting)
  } catch (err) {
    await Promise.allSettled(starting)
    await close()
    throw err
  }
  const first = deployments[0] as Deployment
  return {
    gatewayUrl: balancers.gateway.url,
    internalToken: first.secrets.internalToken,
    urlOf: (program: ProgramName) => balancers[program as ServiceName]?.url ?? urlOf(program, first),
    /** Stops one process as a rollout does, with SIGTERM, and starts it again once it is gone. */
    async roll(service: ServiceName, replica: number): Promise<Roll> {
      const child = children.get(nameOf(service, replica)) as Child
      const begin = performance.now()
      const exit = await child.stop(STOP_LIMIT_MS)
      const gone = performance.now()
      await start(service, replica)
      const exitWords = exit.code === 0 ? 'ok' : describeExit(exit)
      return { service, replica, stopMs: gone - begin, startMs: performance.now() - gone, exit: exitWords }
    },
    /** Connections that met no listening process, in words. */
    refusedConnections: () => Object.values(balancers).flatMap(({ refused }) => refused),
    close,
    [Symbol.asyncDispose]: close,
  }
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

function nameOf(program: ProgramName, replica: number): string {
  return `${program} ${replica}`
}
