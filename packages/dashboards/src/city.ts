import { withUrlParts } from '@urbanbloom/local/postgres-server'
import { startAlertingStack } from '@urbanbloom/observability/alerting-stack'
import { startDrillSystem } from '@urbanbloom/observability/drill-system'
import type { PrometheusPrograms } from '@urbanbloom/observability/prometheus-programs'
import type { Fault } from '@urbanbloom/simulation/faults'
import type { Profile } from '@urbanbloom/simulation/profiles'
import { simulate } from '@urbanbloom/simulation/simulate'
import { createOps } from '@urbanbloom/test-kit/people'
import { rolePasswords } from '@urbanbloom/test-kit/role-passwords'
import { createProduct } from '@urbanbloom/test-kit/shop'
import pg from 'pg'
import type { Row } from './ask.ts'
import { startClusterFigures } from './cluster-figures.ts'
import { type Exporters, startExporters } from './exporters.ts'

/** A phone with a wrong clock is not on the map, so none is among them. */
const disturbances: Fault[] = [
  'bad-cards',
  'broken-leaves',
  'dead-spots',
  'double-clicks',
  'nobody-home',
  'regrets',
  'slow-bank',
]

/**
 * A city with everything that dashboards look at: the system with its own Postgres and Redis, exporters, a stand-in
 * for a cluster's figures, and a Prometheus that asks all of them every second.
 */
export async function startCity(options: {
  folder: string
  programs: PrometheusPrograms
  exporters: Exporters
}) {
  const { folder, programs } = options
  const resources = new AsyncDisposableStack()
  try {
    const system = await startDrillSystem({ logFolder: folder })
    resources.defer(system.close)
    const readerUrl = withUrlParts(system.adminUrl, {
      user: 'grafana_reader',
      password: rolePasswords.grafana_reader ?? '',
    })
    const cluster = await startClusterFigures()
    resources.defer(() => cluster.close())
    const exporters = await startExporters(options.exporters, {
      databaseUrl: readerUrl,
      redisUrl: system.redis.url,
      folder,
    })
    resources.defer(async () => void (await exporters.close()))
    const stack = await startAlertingStack({
      folder,
      programs,
      pace: 'short',
      targets: { ...system.targets, ...exporters.targets, kubernetes: cluster.target },
      slackPort: 1,
      mailPort: 1,
    })
    resources.defer(stack.close)
    const reader = new pg.Pool({ max: 2, connectionString: readerUrl })
    resources.defer(() => reader.end())
    return {
      prometheusUrl: stack.prometheusUrl,
      readerUrl,
      runSql: async (statement: string) => (await reader.query<Row>(statement)).rows,
      /** Makes one alert fire, for what shows alerts. */
      giveUpAJob: () =>
        system.sql(
          `select orders_jobs.add_job('deliver_event', '{"to": "nobody", "event": {}}'::json, max_attempts := 1)`,
        ),
      /** Lets people come until `stop` says so, with faults, so that what counts refusals has something to count. */
      async liveADay(day: { profile: Profile; speed: number; startHour: number; stop: AbortSignal }) {
        const ops = await createOps(system)
        for (let plant = 0; plant < 8; plant += 1) {
          await createProduct(system, ops, { name: `Fern ${plant}` })
        }
        return simulate({ url: system.gatewayUrl, ops, faults: new Set(disturbances), seed: 2, ...day })
      },
      close: () => resources.disposeAsync(),
    }
  } catch (err) {
    await resources.disposeAsync()
    throw err
  }
}
