import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type {
  CoreV1Event,
  V1Deployment,
  V1Job,
  V1Node,
  V1Pod,
  V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node'
import { onTestFinished } from 'vitest'
import { WebSocketServer } from 'ws'

/** What the cluster holds; tests change it, and so do the calls. */
export type State = {
  deployments: V1Deployment[]
  pods: V1Pod[]
  jobs: V1Job[]
  nodes: V1Node[]
  events: CoreV1Event[]
  autoscalers: V2HorizontalPodAutoscaler[]
  /** By pod; `<pod> previous` for the container before the last restart. */
  logs: Record<string, string>
  /** Where a forwarded port of any gateway pod leads. */
  gatewayPort?: number
  /** How many evictions are refused because of the disruption budget. */
  evictionsToRefuse: number
  /** Every call that changes something, such as `PATCH /apis/apps/v1/…`. */
  changes: string[]
}

export type FakeCluster = Awaited<ReturnType<typeof startFakeCluster>>

/**
 * The part of the Kubernetes API that is used here, over real HTTP and WebSockets. A restarted Deployment and a
 * deleted pod are whole again at once.
 */
export async function startFakeCluster(state: State, options: { context?: string } = {}) {
  const server = createServer((request, response) => {
    handle(state, request, response).catch((err: Error) => send(response, 500, { message: err.stack }))
  })
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'v4.channel.k8s.io' })
  server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (tunnel) => {
      const port = Number(new URL(request.url ?? '', 'http://api').searchParams.get('ports'))
      const target = connect(state.gatewayPort ?? 1, '127.0.0.1')
      const prefix = Buffer.alloc(2)
      prefix.writeUInt16LE(port)
      // Channel 0 carries data and 1 errors; each begins with the number of the port.
      for (const channel of [0, 1]) tunnel.send(Buffer.concat([Buffer.from([channel]), prefix]))
      tunnel.on('message', (data: Buffer) => target.write(data.subarray(1)))
      target.on('data', (data) => tunnel.send(Buffer.concat([Buffer.from([0]), data])))
      target.on('error', () => undefined).on('close', () => tunnel.close())
      tunnel.on('close', () => target.destroy())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const folder = await mkdtemp(join(tmpdir(), 'urbanbloom-kubeconfig-'))
  const kubeconfig = join(folder, 'config')
  await writeFile(kubeconfig, kubeconfigOf(`http://127.0.0.1:${port}`, options.context ?? 'kind-test'))
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await rm(folder, { recursive: true, force: true })
  })
  return { kubeconfig, state }
}

/** A kubeconfig with one context. */
export function kubeconfigOf(server: string, context: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': context,
    contexts: [{ name: context, context: { cluster: 'test', user: 'test' } }],
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: { token: 'test' } }],
  })
}

const IN = '/namespaces/urbanbloom'

async function handle(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://api')
  const path = pathname.replace(/^\/api(s\/[\w.]+)?\/v\d\w*/, '')
  const selected = <T extends { metadata?: { labels?: Record<string, string> } }>(items: T[]) => {
    const pairs = (searchParams.get('labelSelector') ?? '').split(',').filter(Boolean)
    const matches = (item: T) =>
      pairs.every((pair) => item.metadata?.labels?.[pair.split('=')[0] ?? ''] === pair.split('=')[1])
    return { items: items.filter(matches) }
  }
  const name = path.split('/')[4] ?? ''
  if (request.method !== 'GET') {
    const body = JSON.parse((await text(request)) || '{}')
    state.changes.push(`${request.method} ${path}`)
    const { status, answer } = change(state, request.method ?? '', path, body)
    return send(response, status, answer)
  }
  if (path === '/version') return send(response, 200, { gitVersion: 'v1.34.0' })
  if (path === `${IN}/deployments`) return send(response, 200, selected(state.deployments))
  if (path === `${IN}/jobs`) return send(response, 200, selected(state.jobs))
  if (path === `${IN}/pods`) return send(response, 200, selected(state.pods))
  if (path === `${IN}/horizontalpodautoscalers`) return send(response, 200, { items: state.autoscalers })
  if (path === '/nodes') return send(response, 200, { items: state.nodes })
  if (path === `${IN}/events`) {
    const about = /involvedObject\.name=([^,]+)/.exec(searchParams.get('fieldSelector') ?? '')?.[1]
    const items = state.events.filter(
      ({ involvedObject }) => about === undefined || involvedObject.name === about,
    )
    return send(response, 200, { items })
  }
  if (path.startsWith(`${IN}/deployments/`)) {
    const found = state.deployments.find(({ metadata }) => metadata?.name === name)
    return found === undefined
      ? send(response, 404, { message: `no deployment ${name}` })
      : send(response, 200, found)
  }
  if (path.endsWith('/log')) {
    const log = state.logs[searchParams.get('previous') === 'true' ? `${name} previous` : name]
    const lines = (log ?? '').split('\n').slice(-Number(searchParams.get('tailLines')))
    return void response.writeHead(200, { 'content-type': 'text/plain' }).end(lines.join('\n'))
  }
  return send(response, 404, { message: `the fake does not know ${pathname}` })
}

function change(state: State, method: string, path: string, body: any): { status: number; answer: object } {
  const name = path.split('/')[4] ?? ''
  if (method === 'PATCH' && path.endsWith('/scale')) {
    scaleTo(state, name, body.spec.replicas)
    return { status: 200, answer: {} }
  }
  if (method === 'PATCH' && path.startsWith(`${IN}/deployments/`)) {
    const { labels } = state.deployments.find(({ metadata }) => metadata?.name === name)?.metadata ?? {}
    for (const pod of state.pods.filter(
      (each) => each.metadata?.labels?.['app.kubernetes.io/name'] === labels?.['app.kubernetes.io/name'],
    ))
      replacePod(state, pod)
    return { status: 200, answer: {} }
  }
  if (method === 'PATCH' && path.startsWith('/nodes/')) {
    const node = state.nodes.find(({ metadata }) => metadata?.name === path.split('/')[2])
    if (node?.spec !== undefined) node.spec.unschedulable = body.spec.unschedulable ?? undefined
    return { status: 200, answer: {} }
  }
  const pod = state.pods.find(({ metadata }) => metadata?.name === name)
  if (path.endsWith('/eviction') && state.evictionsToRefuse > 0) {
    state.evictionsToRefuse -= 1
    return {
      status: 429,
      answer: { message: "Cannot evict pod as it would violate the pod's disruption budget." },
    }
  }
  if (pod !== undefined) replacePod(state, pod)
  return { status: pod === undefined ? 404 : 200, answer: {} }
}

/** As the Deployment's controller does it: a pod more like the others, or the newest one goes. */
function scaleTo(state: State, name: string, replicas: number): void {
  const found = state.deployments.find(({ metadata }) => metadata?.name === name)
  if (found?.spec === undefined) return
  found.spec.replicas = replicas
  Object.assign(found.status ?? {}, {
    replicas,
    updatedReplicas: replicas,
    readyReplicas: replicas,
    availableReplicas: replicas,
  })
  const own = state.pods.filter((pod) => pod.metadata?.labels?.['app.kubernetes.io/name'] === name)
  state.pods = state.pods.filter((pod) => !own.slice(replicas).includes(pod))
  for (let count = own.length; count < replicas; count += 1) {
    const added = structuredClone(own[0] as V1Pod)
    state.pods.push(added)
    replacePod(state, added)
  }
}

/** As its ReplicaSet does it, on a node that is open. */
function replacePod(state: State, pod: V1Pod): void {
  const nodeName = state.nodes.find(({ spec }) => spec?.unschedulable !== true)?.metadata?.name
  const name = `${pod.metadata?.labels?.['app.kubernetes.io/name']}-${crypto.randomUUID().slice(0, 5)}`
  const fresh = structuredClone(pod)
  fresh.metadata = Object.assign(fresh.metadata ?? {}, { name, uid: name })
  fresh.spec = Object.assign(fresh.spec ?? { containers: [] }, { nodeName })
  state.pods = state.pods.map((each) => (each === pod ? fresh : each))
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
