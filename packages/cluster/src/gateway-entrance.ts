import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { PortForward, type V1Pod } from '@kubernetes/client-node'
import { type Endpoint, startBalancer } from '@urbanbloom/drill/balancer'
import { Failure } from '@urbanbloom/local/failure'
import { sentenceOf } from './api-error.ts'
import type { Cluster } from './connection.ts'
import { isReady, nameOf } from './workloads.ts'

const GATEWAY = 'app.kubernetes.io/name=gateway'
const PROBE_EVERY_MS = 500
const CONNECT_LIMIT_MS = 10_000

/**
 * An address on this machine whose connections are forwarded to the gateway's pods: each new one to a random pod
 * that is ready, as the Service does it. A connection stays with its pod until that ends.
 */
export async function openGateway(cluster: Cluster) {
  const { core, namespace } = cluster
  const endpoints = new Map<string, Endpoint>()
  let ready = new Set<string>()
  const list = async (): Promise<readonly Endpoint[]> => {
    const { items } = await core.listNamespacedPod({ namespace, labelSelector: GATEWAY })
    ready = new Set(items.filter(isReady).map(nameOf))
    const names = new Set(items.map(nameOf))
    for (const name of endpoints.keys()) if (!names.has(name)) endpoints.delete(name)
    for (const pod of items) {
      const name = nameOf(pod)
      if (!endpoints.has(name))
        endpoints.set(
          name,
          podEndpoint(cluster, pod, () => ready.has(name)),
        )
    }
    return [...endpoints.values()]
  }
  const balancer = await startBalancer({ name: 'gateway', endpoints: list, probeEveryMs: PROBE_EVERY_MS })
  if (ready.size === 0) {
    await balancer.close()
    throw new Failure(
      'No pod of the gateway is ready, so nothing can be bought: see "npm run cluster -- status".',
    )
  }
  return balancer
}

function podEndpoint(cluster: Cluster, pod: V1Pod, isReadyNow: () => boolean): Endpoint {
  const port = pod.spec?.containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === 'http')
  return {
    name: nameOf(pod),
    isReady: async () => isReadyNow(),
    join: (client) => forward(cluster, { pod: nameOf(pod), port: port?.containerPort ?? 8080, client }),
  }
}

/** Joins a connection with a port of a pod, through the API server, for as long as both sides keep it. */
async function forward(
  { kubeConfig, namespace }: Cluster,
  { pod, port, client }: { pod: string; port: number; client: Socket },
): Promise<void> {
  const errors = new PassThrough()
  // What the client sends before the way is open waits in the socket.
  const input = new PassThrough()
  const opening = new PortForward(kubeConfig).portForward(namespace, pod, [port], client, errors, input)
  const tunnel = await inTime(opening)
  if (typeof tunnel === 'function') throw new Error('the tunnel has no end that can be watched')
  client.pipe(input)
  client.once('close', () => tunnel.close())
  if (client.destroyed) tunnel.close()
  // The pod has ended the connection: what it said before is written out first.
  tunnel.addEventListener('close', () => client.end())
  tunnel.addEventListener('error', () => client.resetAndDestroy())
  errors.once('data', () => client.resetAndDestroy())
}

async function inTime<T>(opening: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no connection in time')), CONNECT_LIMIT_MS)
  })
  try {
    return await Promise.race([opening, tooLate])
  } catch (err) {
    throw new Error(sentenceOf(err instanceof Error ? err : (err as { error?: unknown }).error), {
      cause: err,
    })
  } finally {
    clearTimeout(timer)
  }
}
