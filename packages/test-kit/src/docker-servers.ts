import { freePort } from '@urbanbloom/local/ports'
import { postgresUrl, waitForPostgres } from '@urbanbloom/local/postgres-server'
import { waitForRedis } from '@urbanbloom/local/redis-server'
import { GenericContainer, getContainerRuntimeClient, type StartedTestContainer, Wait } from 'testcontainers'
import {
  REDIS_DATABASES,
  type ServerHandle,
  type ServerProvider,
  testPostgresSettings,
} from './server-handle.ts'

const POSTGRES_IMAGE = 'postgres:18'
const REDIS_IMAGE = 'redis:7'
/** Pulling an image the first time is part of it. */
const START_LIMIT_MS = 180_000
const READY_LIMIT_MS = 60_000
const STOP_LIMIT_SECONDS = 10
const PASSWORD = 'postgres'

/** Servers as containers, through whichever Docker engine answers. */
export const dockerServers: ServerProvider = {
  async startPostgres() {
    const settings = Object.entries(testPostgresSettings).flatMap(([key, value]) => ['-c', `${key}=${value}`])
    const image = new GenericContainer(POSTGRES_IMAGE).withCommand(settings).withEnvironment({
      POSTGRES_PASSWORD: PASSWORD,
      POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8',
    })
    const urlAt = (port: number) =>
      postgresUrl({ user: 'postgres', password: PASSWORD, port, database: 'postgres' })
    const { url, handle } = await startContainer(image, { port: 5432, urlAt, waitFor: waitForPostgres })
    return { ...handle, adminUrl: url }
  },

  async startRedis() {
    const image = new GenericContainer(REDIS_IMAGE).withCommand([
      'redis-server',
      '--save',
      '',
      '--appendonly',
      'no',
      // Seen from inside the container, we are another machine.
      '--protected-mode',
      'no',
      '--databases',
      String(REDIS_DATABASES),
    ])
    const urlAt = (port: number) => `redis://127.0.0.1:${port}`
    const { url, handle } = await startContainer(image, { port: 6379, urlAt, waitFor: waitForRedis })
    return { ...handle, url }
  },
}

async function startContainer(
  image: GenericContainer,
  server: {
    port: number
    urlAt: (port: number) => string
    waitFor: (url: string, limitMs: number) => Promise<void>
  },
): Promise<{ url: string; handle: ServerHandle }> {
  // A port chosen by us: one chosen by the engine would change when the container is started again.
  const hostPort = await freePort()
  const container = await image
    .withExposedPorts({ container: server.port, host: hostPort })
    .withWaitStrategy(Wait.forListeningPorts())
    .withStartupTimeout(START_LIMIT_MS)
    .start()
  const url = withHost(server.urlAt(hostPort), container)
  const isReady = () => server.waitFor(url, READY_LIMIT_MS)
  const handle = containerHandle(container, isReady)
  try {
    await isReady()
  } catch (err) {
    await handle.close()
    throw err
  }
  return { url, handle }
}

function withHost(url: string, container: StartedTestContainer): string {
  const host = container.getHost()
  return host === 'localhost' ? url : url.replace('127.0.0.1', host)
}

function containerHandle(container: StartedTestContainer, isReady: () => Promise<void>): ServerHandle {
  // The library's own containers cannot be started again once stopped; the engine's can.
  const engineContainer = async () => (await getContainerRuntimeClient()).container.getById(container.getId())
  const handle: ServerHandle = {
    async stop() {
      await (await engineContainer()).stop({ t: STOP_LIMIT_SECONDS }).catch(unlessAlready)
    },
    async start() {
      await (await engineContainer()).start().catch(unlessAlready)
      await isReady()
    },
    async restart() {
      await handle.stop()
      await handle.start()
    },
    async close() {
      await (await engineContainer()).remove({ force: true, v: true })
    },
  }
  return handle
}

/** The engine answers 304 to what is so already. */
function unlessAlready(err: { statusCode?: number }): void {
  if (err.statusCode !== 304) throw err
}
