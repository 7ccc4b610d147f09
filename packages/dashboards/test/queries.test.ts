import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withUrlParts } from '@urbanbloom/local/postgres-server'
import { startAlertingStack } from '@urbanbloom/observability/alerting-stack'
import { startDrillSystem } from '@urbanbloom/observability/drill-system'
import { findPrometheusPrograms, MISSING } from '@urbanbloom/observability/prometheus-programs'
import type { Fault } from '@urbanbloom/simulation/faults'
import { simulate } from '@urbanbloom/simulation/simulate'
import { createOps } from '@urbanbloom/test-kit/people'
import { rolePasswords } from '@urbanbloom/test-kit/role-passwords'
import { createProduct } from '@urbanbloom/test-kit/shop'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import pg from 'pg'
import { expect, test } from 'vitest'
import { allDashboards } from '../src/all.ts'
import { type Answer, askPanel, panelsOf, type Row, type Sources } from '../src/ask.ts'
import { startClusterFigures } from './cluster-figures.ts'
import { findExporters, startExporters } from './exporters.ts'

const programs = await findPrometheusPrograms()
const exporters = await findExporters()
if (programs === undefined || exporters === undefined) {
  console.warn(`${MISSING}; the panels need prometheus-postgres-exporter and prometheus-redis-exporter, too`)
}

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

/** Long enough for two scrapes of everything that a day of the simulation does. */
const SHOWN_SECONDS = 60
const DAY_LIMIT_MS = 150_000

test.skipIf(programs === undefined || exporters === undefined)(
  'every query of every panel is answered, with numbers, after a day in the city',
  { timeout: 300_000 },
  async () => {
    await using resources = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'urbanbloom-dashboards-'))
    resources.defer(() => rm(folder, { recursive: true, force: true }))
    const system = await startDrillSystem({ logFolder: folder })
    resources.defer(system.close)
    const cluster = await startClusterFigures()
    resources.defer(cluster.close)
    const running = await startExporters(exporters as never, {
      databaseUrl: system.adminUrl,
      redisUrl: system.redis.url,
      folder,
    })
    resources.defer(async () => void (await running.close()))
    const stack = await startAlertingStack({
      folder,
      programs: programs as never,
      pace: 'short',
      targets: { ...system.targets, ...running.targets, kubernetes: cluster.target },
      slackPort: 1,
      mailPort: 1,
    })
    resources.defer(stack.close)
    const reader = new pg.Pool({
      max: 2,
      connectionString: withUrlParts(system.adminUrl, {
        user: 'grafana_reader',
        password: rolePasswords.grafana_reader ?? '',
      }),
    })
    resources.defer(() => reader.end())
    const sources: Sources = {
      prometheusUrl: stack.prometheusUrl,
      runSql: async (statement) => (await reader.query<Row>(statement)).rows,
      seconds: SHOWN_SECONDS,
    }

    const stopping = new AbortController()
    const day = liveADay(system, stopping.signal)
    resources.defer(async () => {
      stopping.abort()
      await day.catch(() => undefined)
    })
    const open = new Map<string, string>()
    const answered = new Set<string>()
    const isAllThere = async () => {
      await askEverything(sources, open, answered)
      return open.size === 0
    }
    await waitFor(isAllThere, { describe: 'every panel has had data', timeoutMs: DAY_LIMIT_MS }).catch(
      () => undefined,
    )
    expect(Object.fromEntries(open)).toEqual({})
  },
)

/** With faults, so that what counts refusals has something to count. @returns the end of the day. */
async function liveADay(system: Awaited<ReturnType<typeof startDrillSystem>>, stop: AbortSignal) {
  const ops = await createOps(system)
  for (let plant = 0; plant < 8; plant += 1) await createProduct(system, ops, { name: `Fern ${plant}` })
  return simulate({
    url: system.gatewayUrl,
    ops,
    profile: {
      says: 'enough for every panel',
      ordersPerDay: 1_000,
      hubs: 1,
      surges: [],
      flashSale: { atHour: 10, pieces: 2, buyers: 20 },
    },
    faults: new Set<Fault>(disturbances),
    speed: 240,
    startHour: 9.75,
    seed: 2,
    stop,
  })
}

/**
 * Asks what has had no good answer yet. A day has hours without a van on the road or a refund, so each query has to be
 * answered with numbers once; what is still open says why, as of the last time.
 */
async function askEverything(sources: Sources, open: Map<string, string>, answered: Set<string>) {
  for (const dashboard of allDashboards()) {
    for (const panel of panelsOf(dashboard)) {
      const name = `${dashboard.title}: ${panel.title}`
      if (answered.has(name)) continue
      const faults = (await askPanel(dashboard, panel, sources))
        .map(faultOf)
        .filter((why) => why !== undefined)
      if (faults.length > 0) open.set(name, faults.join('; '))
      else {
        answered.add(name)
        open.delete(name)
      }
    }
  }
}

function faultOf({ error, rows, series }: Answer): string | undefined {
  if (error !== undefined) return error
  if (rows !== undefined) return rows.length === 0 ? 'no row' : undefined
  if (series === undefined || series.length === 0) return 'no series'
  const empty = series.find(({ points }) => !points.some(([, value]) => Number.isFinite(value)))
  return empty === undefined ? undefined : `${empty.name} has no number`
}
