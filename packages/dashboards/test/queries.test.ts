import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findPrometheusPrograms, MISSING } from '@urbanbloom/observability/prometheus-programs'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { expect, test } from 'vitest'
import { allDashboards } from '../src/all.ts'
import { type Answer, askPanel, panelsOf, type Sources } from '../src/ask.ts'
import { startCity } from '../src/city.ts'
import { draw } from '../src/draw.ts'
import { findExporters } from '../src/exporters.ts'

const programs = await findPrometheusPrograms()
const exporters = await findExporters()
if (programs === undefined || exporters === undefined) {
  console.warn(`${MISSING}; the panels need prometheus-postgres-exporter and prometheus-redis-exporter, too`)
}

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
    const city = await startCity({ folder, programs: programs as never, exporters: exporters as never })
    resources.defer(city.close)

    await city.giveUpAJob()
    const stopping = new AbortController()
    const day = city.liveADay({
      profile: {
        says: 'enough for every panel',
        ordersPerDay: 1_000,
        hubs: 1,
        surges: [],
        flashSale: { atHour: 12, pieces: 2, buyers: 20 },
      },
      speed: 240,
      startHour: 11.5,
      stop: stopping.signal,
    })
    resources.defer(async () => {
      stopping.abort()
      await day.catch(() => undefined)
    })
    const open = new Map<string, string>()
    const answered = new Set<string>()
    const isAllThere = async () => {
      await askEverything({ ...city, seconds: SHOWN_SECONDS }, open, answered)
      return open.size === 0
    }
    await waitFor(isAllThere, { describe: 'every panel has had data', timeoutMs: DAY_LIMIT_MS }).catch(
      () => undefined,
    )
    expect(Object.fromEntries(open)).toEqual({})
    for (const dashboard of allDashboards()) {
      const picture = await draw(dashboard, { ...city, seconds: SHOWN_SECONDS }, 'dark')
      const titles = panelsOf(dashboard).map(({ title }) => title ?? '')
      for (const title of titles) expect(picture).toContain(`>${title.replaceAll('&', '&amp;')}</text>`)
      expect(picture).not.toMatch(/NaN|Infinity|undefined/)
    }
  },
)

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
