// Follows alerts from real faults to Slack and mail and back: `npm run drill:alerts -- [--real] [--only TargetDown]`.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { watchForStop } from '@urbanbloom/local/stop-request'
import { type FaultReport, runAlertDrill } from './alert-drill.ts'
import { faults } from './faults.ts'
import { findPrometheusPrograms, MISSING } from './prometheus-programs.ts'

const { values } = parseArgs({
  options: {
    // With the intervals of production, which takes about an hour.
    real: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
})

watchForStop({ onStop: () => process.exit(130), onForce: () => undefined })
const folder = await mkdtemp(join(tmpdir(), 'urbanbloom-alerts-'))
try {
  process.exitCode = await main()
} catch (err) {
  console.error(err)
  process.exitCode = 1
}
if (process.exitCode === 0) await rm(folder, { recursive: true, force: true })
else console.log(`The logs are in ${folder}`)
process.exit()

async function main(): Promise<number> {
  const programs = await findPrometheusPrograms()
  if (programs === undefined) throw new Error(MISSING)
  const chosen = faults.filter(
    ({ alert }) => values.only === undefined || values.only.split(',').includes(alert),
  )
  const pace = values.real ? 'real' : 'short'
  if (pace === 'short') {
    console.log(
      'Figures are read and rules evaluated every second, and their windows are shortened sixtyfold.',
    )
  }
  const say = (line: string) => console.log(`  ${line}`)
  const reports = await runAlertDrill({ folder, programs, pace, rounds: chosen.map((fault) => [fault]), say })
  console.log(`\n${describe(reports)}`)
  const leaked = reports.flatMap(({ name, leaked: alerts }) =>
    alerts.map((alert) => `${name}: ${alert} was sent, too`),
  )
  for (const line of leaked) console.log(`✗ ${line}`)
  return leaked.length === 0 ? 0 : 1
}

function describe(reports: readonly FaultReport[]): string {
  const header = ['fault', 'alert', 'Slack', 'mail', 'over']
  const rows = reports.map((report) => [
    report.name,
    report.alert,
    `${report.slackSeconds.toFixed(1)} s`,
    `${report.mailSeconds.toFixed(1)} s`,
    `${report.resolvedSeconds.toFixed(1)} s`,
  ])
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0)),
  )
  return [header, ...rows]
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .join('\n')
}
