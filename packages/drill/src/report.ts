import type { LoadReport } from './load.ts'
import type { Roll } from './local-system.ts'
import { percentile } from './open-loop.ts'
import type { Usage } from './process-usage.ts'

const SHOWN_PROBLEMS = 20
const uuid = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g

/** What happened to the requests, as a table. */
export function describeLoad({ kinds, seconds, streams, streamReconnects, orders }: LoadReport): string {
  const all = {
    kind: 'all',
    latenciesMs: kinds.flatMap(({ latenciesMs }) => latenciesMs),
    failures: kinds.flatMap(({ failures }) => failures),
  }
  const rows = [...kinds, all].map(({ kind, latenciesMs, failures }) => [
    kind,
    String(latenciesMs.length),
    String(failures.length),
    milliseconds(percentile(latenciesMs, 0.5)),
    milliseconds(percentile(latenciesMs, 0.99)),
    milliseconds(percentile(latenciesMs, 1)),
  ])
  const rate = (all.latenciesMs.length / seconds).toFixed(1)
  return [
    table([['request', 'count', 'failed', 'p50', 'p99', 'longest'], ...rows]),
    '',
    `${rate} requests/s for ${seconds.toFixed(0)} s; ${orders} orders; ${streams} event streams, ${streamReconnects} reconnects`,
  ].join('\n')
}

/** How long each process took to stop and to come back. */
export function describeRolls(rolls: readonly Roll[]): string {
  const rows = rolls.map(({ unit, replica, stopMs, startMs, exit }) => [
    `${unit} ${replica}`,
    milliseconds(stopMs),
    milliseconds(startMs),
    exit,
  ])
  return table([['process', 'stopped in', 'ready in', 'exit'], ...rows])
}

/** What one process of each service uses: CPU in thousandths of a core, memory in MiB. */
export function describeUsage(usage: readonly Usage[]): string {
  const head = ['one process', 'CPU at rest', 'mean', 'peak 1 s', 'to start', 'memory at rest', 'peak']
  const rows = usage.map((each) => [
    each.unit,
    rounded(each.restMillicores, 'm'),
    rounded(each.meanMillicores, 'm'),
    rounded(each.peakMillicores, 'm'),
    rounded(each.startMs, ' ms'),
    rounded(each.restMebibytes, ' MiB'),
    rounded(each.peakMebibytes, ' MiB'),
  ])
  return table([head, ...rows])
}

/** One line for each kind of problem, with how often and when first; the first twenty. */
export function describeProblems(problems: readonly string[]): string {
  const kinds = Map.groupBy(problems, (problem) =>
    problem.replace(/^\[[\d.]+ s\] /, '').replaceAll(uuid, '<id>'),
  )
  const lines = [...kinds.values()].map(
    (same) => `✗ ${same.length > 1 ? `${same.length} times: ` : ''}${same[0]}`,
  )
  const more = lines.length > SHOWN_PROBLEMS ? [`… and ${lines.length - SHOWN_PROBLEMS} more kinds`] : []
  return [...lines.slice(0, SHOWN_PROBLEMS), ...more].join('\n')
}

function rounded(value: number | undefined, unit: string): string {
  return value === undefined ? '–' : `${Math.round(value)}${unit}`
}

function milliseconds(value: number): string {
  return Number.isNaN(value) ? '–' : `${value.toFixed(0)} ms`
}

/** Columns as wide as their longest cell; the first is aligned to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
  return rows.map((row) => `  ${line(row)}`.trimEnd()).join('\n')
}
