/** A value in one of the units that our panels use, as short as Grafana writes it. */
export function formatValue(value: number, unit: string): string {
  if (!Number.isFinite(value)) return 'no data'
  switch (unit) {
    case 'percentunit':
      return `${round(value * 100)} %`
    case 's':
      return value < 1 ? `${round(value * 1_000)} ms` : `${round(value)} s`
    case 'bytes':
      return scaled(value, 1_024, ['B', 'KiB', 'MiB', 'GiB', 'TiB'])
    case 'reqps':
      return `${round(value)} req/s`
    case 'ops':
      return `${round(value)}/s`
    case 'bool_yes_no':
      return value === 0 ? 'No' : 'Yes'
    default:
      return scaled(value, 1_000, ['', 'K', 'M', 'G'])
  }
}

function scaled(value: number, step: number, units: readonly string[]): string {
  let [rest, index] = [value, 0]
  while (Math.abs(rest) >= step && index < units.length - 1) {
    rest /= step
    index += 1
  }
  return `${round(rest)} ${units[index]}`.trim()
}

/** Three digits that count. */
function round(value: number): string {
  return String(Number(value.toPrecision(3)))
}
