import { dockerAnswers } from './docker-endpoint.ts'
import type { PostgresHandle, RedisHandle, ServerProvider } from './server-handle.ts'

/** A Postgres of the test's own, which it may stop and start. Close it at the end. */
export async function startPostgres(): Promise<PostgresHandle> {
  return (await serverProvider()).startPostgres()
}

/** A Redis of the test's own, which it may stop and start. Close it at the end. */
export async function startRedis(): Promise<RedisHandle> {
  return (await serverProvider()).startRedis()
}

/** `docker` where a Docker engine answers, else `native`; the variable TEST_SERVERS forces one. */
export async function chosenServers(env: NodeJS.ProcessEnv = process.env): Promise<'docker' | 'native'> {
  const forced = env.TEST_SERVERS
  if (forced === 'docker' || forced === 'native') return forced
  if (forced !== undefined && forced !== '') {
    throw new Error(
      `TEST_SERVERS is "${forced}"; it takes "docker", "native", or nothing to choose by itself`,
    )
  }
  return (await dockerAnswers(env)) ? 'docker' : 'native'
}

let provider: Promise<ServerProvider> | undefined

function serverProvider(): Promise<ServerProvider> {
  provider ??= loadProvider()
  return provider
}

// Each is loaded only when it is used: the container library is large, and every test process would pay for it.
async function loadProvider(): Promise<ServerProvider> {
  return (await chosenServers()) === 'docker'
    ? (await import('./docker-servers.ts')).dockerServers
    : (await import('./native-servers.ts')).nativeServers
}
