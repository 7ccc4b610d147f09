import path from 'node:path'
import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import { createServer } from '@urbanbloom/service-kit/server'
import { expect, test } from 'vitest'
import { loadBalancerOf } from '../src/load-balancer.ts'
import { isService, mainContainer, workload, workloadsOf } from '../src/manifest.ts'
import { environmentHere, readConfigOf, repository } from '../src/program.ts'
import { renderFolder } from '../src/render.ts'

const local = await renderFolder('overlays/local')
const loadBalancer = loadBalancerOf(await renderFolder('overlays/production'))

/** The paths that the kubelet asks a pod of ours for. */
function probedPaths(name: string): string[] {
  const { startupProbe, readinessProbe, livenessProbe } = mainContainer(workload(local, name))
  const paths = [startupProbe, readinessProbe, livenessProbe].flatMap((probe) => probe?.httpGet?.path ?? [])
  expect(paths).toHaveLength(3)
  return paths
}

test('the server that five services share has the paths of their probes and of Prometheus', async () => {
  const app = createServer({
    name: 'any',
    config: {
      port: 0,
      host: '127.0.0.1',
      logLevel: 'silent',
      internalToken: 'x'.repeat(32),
      drainDelayMs: 0,
    },
    log: createLog('any', 'silent'),
    metrics: createMetrics('any'),
    ready: () => Promise.resolve(),
  })
  const names = workloadsOf(local)
    .filter(isService)
    .map(({ name }) => name)
  for (const name of names.filter((each) => each !== 'gateway')) {
    for (const url of [...probedPaths(name), '/metrics']) {
      expect((await app.inject(url)).statusCode, `${name} ${url}`).toBe(200)
    }
  }
  await app.close()
})

type Gateway = {
  start(): Promise<void>
  close(): Promise<void>
  ports(): { public: number; metrics: number }
}

test('the gateway has them too, with that of the load balancer, and its figures at a port of their own', async () => {
  const pod = workload(local, 'gateway')
  const readConfig = await readConfigOf(pod)
  const env = { ...environmentHere(local, pod), PORT: '0', METRICS_PORT: '0', DRAIN_DELAY_MS: '1000' }
  const config = readConfig({
    ...env,
    HOST: '127.0.0.1',
    LOG_LEVEL: 'silent',
    REDIS_URL: 'redis://127.0.0.1:1',
  })
  const { createGateway } = await import(
    /* @vite-ignore */ path.join(repository, 'services/gateway/src/service.ts')
  )
  const gateway: Gateway = await createGateway(config)
  await gateway.start()
  try {
    const ports = gateway.ports()
    const statusOf = async (port: number, url: string) =>
      (await fetch(`http://127.0.0.1:${port}${url}`)).status
    for (const url of probedPaths('gateway')) expect(await statusOf(ports.public, url), url).toBe(200)
    expect(await statusOf(ports.metrics, '/metrics')).toBe(200)
    expect(await statusOf(ports.public, '/metrics')).toBe(404)
    // The load balancer asks the port that it sends to, and needs a 200.
    const { healthcheckPath = 'none', healthcheckPort, idleTimeoutSeconds } = loadBalancer ?? {}
    expect(healthcheckPort).toBe('traffic-port')
    expect(await statusOf(ports.public, healthcheckPath), healthcheckPath).toBe(200)
    // It must not send into a connection that the gateway is about to close.
    const { headers } = await fetch(`http://127.0.0.1:${ports.public}${healthcheckPath}`)
    const keptSeconds = Number(/timeout=(\d+)/.exec(headers.get('keep-alive') ?? '')?.[1])
    expect(keptSeconds).toBeGreaterThan(idleTimeoutSeconds ?? Infinity)
    // It learns that a pod stops, as the kubelet does; whether the process lives is another question.
    const closing = gateway.close()
    const { readinessProbe, livenessProbe } = mainContainer(pod)
    const [front, ready, alive] = await Promise.all(
      [healthcheckPath, readinessProbe?.httpGet?.path ?? '', livenessProbe?.httpGet?.path ?? ''].map((url) =>
        statusOf(ports.public, url),
      ),
    )
    expect({ front, ready, alive }).toEqual({ front: 503, ready: 503, alive: 200 })
    await closing
  } finally {
    await gateway.close()
  }
})

test('the payment sandbox has those of its probes', async () => {
  const pod = workload(local, 'payment-sandbox')
  const readConfig = await readConfigOf(pod)
  const { SANDBOX_DATA_DIR: _mounted, ...env } = environmentHere(local, pod)
  const { createSandbox } = await import(
    /* @vite-ignore */ path.join(repository, 'packages/payment-sandbox/src/sandbox.ts')
  )
  const sandbox = createSandbox(readConfig({ ...env, PORT: '0', HOST: '127.0.0.1' }))
  const url: string = await sandbox.start()
  try {
    for (const each of probedPaths('payment-sandbox'))
      expect((await fetch(url + each)).status, each).toBe(200)
  } finally {
    await sandbox.close()
  }
})
