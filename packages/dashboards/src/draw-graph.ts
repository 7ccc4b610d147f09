import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Series } from './ask.ts'
import { formatValue } from './format-value.ts'
import { type Box, fitted, type Theme, text, widthOf } from './svg.ts'

/** Grafana's classic palette, by which a series without a colour of its own gets one. */
const palette = [
  '#73bf69',
  '#f2cc0c',
  '#5794f2',
  '#ff9830',
  '#f2495c',
  '#b877d9',
  '#3274d9',
  '#8ab8ff',
  '#fa6400',
  '#56a64b',
]
const AXIS = 62
const LEGEND_LINE = 17
const LEGEND_SIZE = 12
const AXIS_SIZE = 11

type Custom = { stacking?: { mode?: string }; thresholdsStyle?: { mode?: string }; axisSoftMax?: number }

/** Lines or stacked areas over time, with axes, the limit and a legend that wraps. */
export function drawGraph(box: Box, panel: Panel, series: readonly Series[], theme: Theme): string {
  const { unit = 'short', custom, thresholds, max } = panel.fieldConfig?.defaults ?? {}
  const { stacking, thresholdsStyle, axisSoftMax } = (custom ?? {}) as Custom
  const shown = series.slice(0, palette.length)
  const legend = drawLegend(box, shown, theme)
  const plot = {
    x: box.x + AXIS,
    y: box.y + 4,
    width: box.width - AXIS,
    height: box.height - legend.height - 28,
  }
  const lines =
    stacking?.mode === 'normal' ? stacked(shown) : shown.map(({ points }) => points.filter(isFinitePoint))
  const all = lines.flat()
  const limit = thresholdsStyle?.mode === 'dashed' ? thresholds?.steps.at(-1)?.value : undefined
  const highest = Math.max(...all.map(([, value]) => value), 0)
  const wanted = max ?? Math.max(highest, axisSoftMax ?? 0)
  const step = niceStep((wanted > 0 ? wanted : 1) / Math.max(2, Math.floor(plot.height / 42)), unit)
  const top = max ?? Math.ceil((wanted > 0 ? wanted : 1) / step - 1e-9) * step
  const [from, to] = [Math.min(...all.map(([at]) => at)), Math.max(...all.map(([at]) => at))]
  const x = (at: number) => plot.x + (plot.width * (at - from)) / Math.max(1, to - from)
  const y = (value: number) => plot.y + plot.height * (1 - Math.min(value, top) / top)
  const pathOf = (points: readonly Point[]) =>
    points.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ')
  const areas = lines.map((points, index) => {
    const color = palette[index] ?? theme.text
    const below = stacking?.mode === 'normal' && index > 0 ? (lines[index - 1] ?? []).toReversed() : undefined
    const floor = below === undefined ? `${x(to)},${y(0)} ${x(from)},${y(0)}` : pathOf(below)
    const opacity = stacking?.mode === 'normal' ? 0.4 : 0.08
    return (
      `<polygon points="${pathOf(points)} ${floor}" fill="${color}" opacity="${opacity}"/>` +
      `<polyline points="${pathOf(points)}" fill="none" stroke="${color}" stroke-width="1.4"/>`
    )
  })
  const crossed =
    limit !== undefined && limit !== null && limit <= top
      ? `<line x1="${plot.x}" x2="${plot.x + plot.width}" y1="${y(limit)}" y2="${y(limit)}" stroke="#e02f44" stroke-dasharray="8 6"/>`
      : ''
  return [drawAxes(plot, { top, step, from, to, unit, y, x }, theme), ...areas, crossed, legend.svg].join('')
}

type Point = readonly [number, number]

function isFinitePoint([, value]: Point): boolean {
  return Number.isFinite(value)
}

/** Each series on top of those before it; what has no value at a moment adds nothing. */
function stacked(series: readonly Series[]): Point[][] {
  const moments = [...new Set(series.flatMap(({ points }) => points.map(([at]) => at)))].toSorted(
    (a, b) => a - b,
  )
  const sums = new Map(moments.map((at) => [at, 0]))
  return series.map(({ points }) => {
    const values = new Map(points.filter(isFinitePoint))
    return moments.map((at): Point => {
      const sum = (sums.get(at) ?? 0) + (values.get(at) ?? 0)
      sums.set(at, sum)
      return [at, sum]
    })
  })
}

/** Steps that people read easily: 1, 2, 2.5 or 5 of a power of ten, of bytes 1, 2 or 4 … of a power of two. */
function niceStep(rough: number, unit: string): number {
  if (unit === 'bytes') return 2 ** Math.ceil(Math.log2(Math.max(1, rough)))
  const power = 10 ** Math.floor(Math.log10(rough))
  return power * ([1, 2, 2.5, 5].find((step) => step * power >= rough * 0.999) ?? 10)
}

function drawAxes(
  plot: Box,
  axes: {
    top: number
    step: number
    from: number
    to: number
    unit: string
    y: (v: number) => number
    x: (at: number) => number
  },
  theme: Theme,
): string {
  const levels = Array.from(
    { length: Math.floor(axes.top / axes.step + 1e-9) + 1 },
    (_, index) => index * axes.step,
  )
  const horizontal = levels.map((level) => {
    const at = axes.y(level)
    return (
      `<line x1="${plot.x}" x2="${plot.x + plot.width}" y1="${at}" y2="${at}" stroke="${theme.border}"/>` +
      text({ x: plot.x - 8, y: at + 4 }, formatValue(level, axes.unit), {
        color: theme.faint,
        size: AXIS_SIZE,
        anchor: 'end',
      })
    )
  })
  const count = Math.max(2, Math.floor(plot.width / 110))
  const times = Array.from({ length: count }, (_, index) => {
    const at = axes.from + ((axes.to - axes.from) * (index + 0.5)) / count
    return text({ x: axes.x(at), y: plot.y + plot.height + 16 }, timeOf(at), {
      color: theme.faint,
      size: AXIS_SIZE,
      anchor: 'middle',
    })
  })
  return [...horizontal, ...times].join('')
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1_000).toISOString().slice(11, 19)
}

function drawLegend(box: Box, series: readonly Series[], theme: Theme): { svg: string; height: number } {
  const placed: { name: string; color: string; left: number; line: number }[] = []
  let [left, line] = [0, 0]
  for (const [index, { name }] of series.entries()) {
    const label = fitted(name, LEGEND_SIZE, box.width - 30)
    const width = 34 + widthOf(label, LEGEND_SIZE)
    if (left > 0 && left + width > box.width) [left, line] = [0, line + 1]
    placed.push({ name: label, color: palette[index] ?? theme.text, left, line })
    left += width
  }
  const height = (line + 1) * LEGEND_LINE
  const top = box.y + box.height - height
  const svg = placed.map(({ name, color, left: from, line: at }) => {
    const y = top + at * LEGEND_LINE + 12
    return (
      `<rect x="${box.x + from}" y="${y - 5}" width="12" height="3" fill="${color}"/>` +
      text({ x: box.x + from + 17, y }, name, { color: theme.text, size: LEGEND_SIZE })
    )
  })
  return { svg: svg.join(''), height }
}
