import { failureCount, type LoopResult, percentile } from './closed-loop.ts'
import { type CpuTimes } from './cpu.ts'
import { figure, formatTable } from './table.ts'

/** One closed loop and what it cost, in CPU milliseconds by process. */
export type Measurement = { title: string; loop: LoopResult; cpu: CpuTimes }

/** Rate, latency and failures. */
export function speedTable(unit: string, measurements: readonly Measurement[]): string {
  const head = ['', 'clients', `${unit}/s`, 'p50 ms', 'p95 ms', 'p99 ms', 'failures']
  const rows = measurements.map(({ title, loop }) => [
    title,
    String(loop.clients),
    figure(loop.succeeded / loop.seconds),
    ...[0.5, 0.95, 0.99].map((share) => figure(percentile(loop, share))),
    String(failureCount(loop)),
  ])
  return formatTable([head, ...rows])
}

/** CPU milliseconds for one request by process; `counted` sum to the total, the others stand behind it. */
export function costTable(
  measurements: readonly Measurement[],
  { counted, shown }: { counted: readonly string[]; shown: readonly string[] },
): string {
  const head = ['CPU-ms for one', 'clients', ...counted, 'total', ...shown.map((name) => `(${name})`)]
  const rows = measurements.map((measurement) => [
    measurement.title,
    String(measurement.loop.clients),
    ...counted.map((name) => figure(perRequest(measurement, name))),
    figure(totalPerRequest(measurement, counted)),
    ...shown.map((name) => figure(perRequest(measurement, name))),
  ])
  return formatTable([head, ...rows])
}

export function perRequest({ cpu, loop }: Measurement, name: string): number {
  return (cpu[name] ?? Number.NaN) / loop.succeeded
}

export function totalPerRequest(measurement: Measurement, counted: readonly string[]): number {
  return counted.reduce((sum, name) => sum + (measurement.cpu[name] ?? 0), 0) / measurement.loop.succeeded
}

/** `Postgres 38 %, order 21 %, …`: the shares of the total, the largest first. */
export function shares(measurement: Measurement, counted: readonly string[]): string {
  const total = totalPerRequest(measurement, counted)
  return counted
    .map((name) => ({ name, share: perRequest(measurement, name) / total }))
    .toSorted((a, b) => b.share - a.share)
    .map(({ name, share }) => `${name} ${Math.round(100 * share)} %`)
    .join(', ')
}

/** What went wrong, most often first. */
export function failureLines(measurements: readonly Measurement[]): string[] {
  return measurements.flatMap(({ title, loop }) =>
    [...loop.failures].map(([what, count]) => `${title}, ${loop.clients} clients: ${count} times ${what}`),
  )
}
