import { join } from 'node:path'
import { startChild } from '@urbanbloom/local/child'
import { freePort } from '@urbanbloom/local/ports'
import { findPrograms } from '@urbanbloom/observability/prometheus-programs'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { request } from 'undici'

const STOP_LIMIT_MS = 5_000

export type Exporters = NonNullable<Awaited<ReturnType<typeof findExporters>>>

/** Debian's exporters of Postgres and Redis; undefined where they neither are nor can be installed. */
export function findExporters() {
  return findPrograms(
    {
      postgres: ['prometheus-postgres-exporter', 'postgres_exporter'],
      redis: ['prometheus-redis-exporter', 'redis_exporter'],
    },
    ['prometheus-postgres-exporter', 'prometheus-redis-exporter'],
  )
}

/** Starts both for one database and one Redis. @returns where Prometheus finds them. */
export async function startExporters(
  programs: Exporters,
  { databaseUrl, redisUrl, folder }: { databaseUrl: string; redisUrl: string; folder: string },
) {
  const ports = { postgres: await freePort(), redis: await freePort() }
  const start = async (name: 'postgres' | 'redis', env: Record<string, string>) => {
    const child = await startChild({
      name,
      command: programs[name],
      args: [`--web.listen-address=127.0.0.1:${ports[name]}`].map((argument) =>
        name === 'redis' ? argument.replace('--', '-') : argument,
      ),
      env: { PATH: process.env.PATH, ...env },
      cwd: folder,
      logFile: join(folder, `${name}-exporter.log`),
    })
    await waitFor(async () => (await request(`http://127.0.0.1:${ports[name]}/metrics`)).statusCode === 200, {
      describe: `the exporter of ${name} answers`,
      timeoutMs: 20_000,
    })
    return child
  }
  const children = await Promise.all([
    start('postgres', { DATA_SOURCE_NAME: `${databaseUrl}?sslmode=disable` }),
    start('redis', { REDIS_ADDR: redisUrl }),
  ])
  return {
    targets: { postgres: `127.0.0.1:${ports.postgres}`, redis: `127.0.0.1:${ports.redis}` },
    close: () => Promise.all(children.map((child) => child.stop(STOP_LIMIT_MS))),
  }
}
