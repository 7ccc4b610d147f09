/**
 * A value in one of the units that our panels use, as short as Grafana writes it.
 * @param decimals as many digits after the point as the panel asks for; three digits that count where it does not.
 */
export function formatValue(value: number, unit: string, decimals?: number): string {
  if (!Number.isFinite(value)) return 'no data'
  const round = (number: number) =>
    decimals === undefined ? String(Number(number.toPrecision(3))) : number.toFixed(decimals)
  switch (unit) {
    case 'percentunit':
      return `${round(value * 100)}%`
    case 's':
      return duration(value, round)
    case 'bytes':
      return scaled(value, 1_024, ['B', 'KiB', 'MiB', 'GiB', 'TiB'], round)
    case 'reqps':
      return `${round(value)} req/s`
    case 'ops':
      return `${round(value)} ops/s`
    case 'opm':
      return `${round(value)} ops/m`
    case 'bool_yes_no':
      return value === 0 ? 'No' : 'Yes'
    case 'none':
      return round(value)
    default:
      return scaled(value, 1_000, ['', 'K', 'Mil', 'Bil'], round)
  }
}

function duration(seconds: number, round: (value: number) => string): string {
  const steps: readonly [limit: number, size: number, name: string][] = [
    [1e-3, 1e-6, 'µs'],
    [1, 1e-3, 'ms'],
    [60, 1, 's'],
    [3_600, 60, 'mins'],
    [86_400, 3_600, 'hours'],
    [Number.POSITIVE_INFINITY, 86_400, 'days'],
  ]
  if (seconds === 0) return '0 s'
  const [, size, name] = steps.find(([limit]) => Math.abs(seconds) < limit) ?? [0, 1, 's']
  return `${round(seconds / size)} ${name}`
}

function scaled(
  value: number,
  step: number,
  units: readonly string[],
  round: (value: number) => string,
): string {
  let [rest, index] = [value, 0]
  while (Math.abs(rest) >= step && index < units.length - 1) {
    rest /= step
    index += 1
  }
  return `${round(rest)} ${units[index]}`.trim()
}
