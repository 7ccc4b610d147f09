import { createServer, type Server, type Socket } from 'node:net'
import { freePort } from '@urbanbloom/local/ports'
import { readinessProbe } from './readiness-probe.ts'

/** One process or pod behind a balancer. */
export type Endpoint = {
  readonly name: string
  /** Whether it may be given new connections, as a readiness probe would find it. */
  isReady(): Promise<boolean>
  /** Joins a new connection with it. Rejects when it takes no connection. */
  join(client: Socket): Promise<void>
}

export type Balancer = Awaited<ReturnType<typeof startBalancer>>

/** One lost answer is not yet an absence. */
const FAILURE_THRESHOLD = readinessProbe.failureThreshold

/**
 * What a Kubernetes Service does for its clients: it listens on one address and gives each new connection to a
 * random endpoint among those whose readiness probe succeeds. Connections stay where they are until one side ends
 * them. Nothing is tried twice: a connection that meets an endpoint which no longer listens, or no endpoint at all,
 * is reset and counted, because kube-proxy would not save it either.
 */
export async function startBalancer(options: {
  name: string
  /** Asked at each probe, because pods come and go. */
  endpoints: () => readonly Endpoint[] | Promise<readonly Endpoint[]>
  probeEveryMs: number
}) {
  const { name, endpoints, probeEveryMs } = options
  let known: readonly Endpoint[] = []
  const failuresInARow = new Map<string, number>()
  const underWay = new Map<string, Promise<void>>()
  const withdrawn = new Set<string>()
  const refused: string[] = []
  const sockets = new Set<Socket>()
  const isUp = (endpointName: string) =>
    !withdrawn.has(endpointName) &&
    (failuresInARow.get(endpointName) ?? FAILURE_THRESHOLD) < FAILURE_THRESHOLD

  const list = async () => endpoints()
  const ask = async (endpoint: Endpoint) => {
    const isReady = await endpoint.isReady().catch(() => false)
    const before = failuresInARow.get(endpoint.name) ?? FAILURE_THRESHOLD
    failuresInARow.set(endpoint.name, isReady ? 0 : before + 1)
    underWay.delete(endpoint.name)
  }
  const probe = async () => {
    // Where they cannot be listed just now, those of the last time stay.
    known = await list().catch(() => known)
    // One that is slow to answer delays no probe of the others, as with the kubelet.
    for (const endpoint of known) {
      if (!underWay.has(endpoint.name)) underWay.set(endpoint.name, ask(endpoint))
    }
  }
  const refuse = (client: Socket, why: string) => {
    if (!client.destroyed) refused.push(`${name}: ${why}`)
    client.resetAndDestroy()
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    sockets.add(client)
    client.once('close', () => sockets.delete(client))
    client.on('error', () => undefined)
    const ready = known.filter((each) => isUp(each.name))
    const endpoint = ready[Math.floor(Math.random() * ready.length)]
    if (endpoint === undefined) refuse(client, 'no endpoint was ready')
    else
      endpoint.join(client).catch((err: Error) => refuse(client, `${endpoint.name} refused: ${err.message}`))
  })
  const port = await listen(server)
  await probe()
  await Promise.all(underWay.values())
  const stopProbing = repeat(probe, probeEveryMs)

  return {
    name,
    url: `http://127.0.0.1:${port}`,
    /** Connections that were lost at their beginning, in words. */
    refused: refused as readonly string[],
    isUp,
    /** Gives an endpoint no new connection, whatever its probe says, as Kubernetes does with a pod that is deleted. */
    withdraw: (endpointName: string) => void withdrawn.add(endpointName),
    restore: (endpointName: string) => void withdrawn.delete(endpointName),
    async close(): Promise<void> {
      await stopProbing()
      await Promise.all(underWay.values())
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function listen(server: Server): Promise<number> {
  const port = await freePort()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return port
}

/** Runs `work` again and again, a pause after each. @returns what ends it and waits for the turn under way. */
function repeat(work: () => Promise<void>, pauseMs: number): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let turn: Promise<void> = Promise.resolve()
  const schedule = () => {
    timer = setTimeout(() => {
      turn = work().finally(() => {
        if (!stopped) schedule()
      })
    }, pauseMs)
  }
  schedule()
  return async () => {
    stopped = true
    clearTimeout(timer)
    await turn
  }
}
