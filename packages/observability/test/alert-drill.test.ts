import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runAlertDrill } from '../src/alert-drill.ts'
import { faults } from '../src/faults.ts'
import { findPrometheusPrograms, MISSING } from '../src/prometheus-programs.ts'

const programs = await findPrometheusPrograms()
if (programs === undefined) console.warn(MISSING)

/** Those that do not hide each other and are noticed within seconds; `npm run drill:alerts` tries all of them. */
const short = ['TargetDown', 'RedisDown', 'OrdersStuck', 'DeadLetters']

test.skipIf(programs === undefined)(
  'faults of a running system come to Slack and by mail, and so does their end, and what only repeats never does',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'urbanbloom-alerts-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const named = (alerts: string[]) => faults.filter(({ alert }) => alerts.includes(alert))
    const reports = await runAlertDrill({
      folder,
      programs: programs!,
      pace: 'short',
      // The last one has all others for victims, so it comes by itself.
      rounds: [named(short), named(['DatabaseDown'])],
      say: () => undefined,
    })
    expect(reports.map(({ alert }) => alert).toSorted()).toEqual([...short, 'DatabaseDown'].toSorted())
    expect(reports.flatMap(({ leaked }) => leaked)).toEqual([])
  },
  240_000,
)
