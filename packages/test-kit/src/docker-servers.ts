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
    // A port chosen by us: one chosen by the engine would change when the container is started again.
    const port = await freePort()
    const container = await new GenericContainer(POSTGRES_IMAGE)
      .withEnvironment({
        POSTGRES_PASSWORD: PASSWORD,
        POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8',
      })
      .withCommand(Object.entries(testPostgresSettings).flatMap(([key, value]) => ['-c', `${key}=${value}`]))
      .withExposedPorts({ container: 5432, host: port })
      .withWaitStrategy(Wait.forListeningPorts())
      .withStartupTimeout(START_LIMIT_MS)
      .start()
    const adminUrl = withHost(
      postgresUrl({ user: 'postgres', password: PASSWORD, port, database: 'postgres' }),
      container,
    )
    const isReady = () => waitForPostgres(adminUrl, READY_LIMIT_MS)
    await isReady()
    return { ...containerHandle(container, isReady), adminUrl }
  },

  async startRedis() {
    const port = await freePort()
    const container = await new GenericContainer(REDIS_IMAGE)
      .withCommand([
        'redis-server',
        '--save',
        '',
        '--appendonly',
        'no',
        '--databases',
        String(REDIS_DATABASES),
      ])
      .withExposedPorts({ container: 6379, host: port })
      .withWaitStrategy(Wait.forListeningPorts())
      .withStartupTimeout(START_LIMIT_MS)
      .start()
    const url = withHost(`redis://127.0.0.1:${port}`, container)
    const isReady = () => waitForRedis(url, READY_LIMIT_MS)
    await isReady()
    return { ...containerHandle(container, isReady), url }
  },
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
      await (await engineContainer()).stop({ t: STOP_LIMIT_SECONDS })
    },
    async start() {
      await (await engineContainer()).start()
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
