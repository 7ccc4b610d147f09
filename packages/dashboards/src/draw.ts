import type { Dashboard, GridPos, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { type Answer, askPanel, panelsOf, type Row, type Series, type Sources } from './ask.ts'
import { formatValue } from './format-value.ts'

/** Pixels of a column and of a row of Grafana's grid, and the space between panels. */
const COLUMN = 58
const ROW = 36
const GAP = 8
const HEADER = 44
const SHOWN_ROWS = 12

const themes = {
  light: { page: '#f4f5f5', panel: '#ffffff', border: '#d8dadd', text: '#24292e', faint: '#6e7780' },
  dark: { page: '#111217', panel: '#181b1f', border: '#2f3237', text: '#d5d7db', faint: '#8e939b' },
} as const
const lines = [
  '#3274d9',
  '#e0752d',
  '#56a64b',
  '#a352cc',
  '#e02f44',
  '#b0a300',
  '#1f9ca6',
  '#8f6b4f',
  '#ff85ad',
  '#77808a',
]

type Theme = (typeof themes)[keyof typeof themes]
export type ThemeName = keyof typeof themes

/**
 * A dashboard with its layout and the values of now as an SVG: what Grafana would show, drawn without a Grafana, so
 * that a person can judge what stands where and whether it can be read.
 */
export async function draw(dashboard: Dashboard, sources: Sources, name: ThemeName): Promise<string> {
  const theme = themes[name]
  const panels = panelsOf(dashboard)
  const titles = (dashboard.panels ?? []).filter(({ type }) => type === 'row')
  const bottom = Math.max(...panels.map(({ gridPos }) => (gridPos?.y ?? 0) + (gridPos?.h ?? 0)))
  const [width, height] = [24 * COLUMN + GAP, bottom * ROW + HEADER + GAP]
  const drawn = await Promise.all(
    panels.map(async (panel) => drawPanel(panel, await askPanel(dashboard, panel, sources), theme)),
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="Inter, Helvetica, Arial, sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="${theme.page}"/>`,
    text(16, 28, `UrbanBloom / ${dashboard.title}`, theme.text, 'font-size="18" font-weight="600"'),
    ...titles.map(({ title, gridPos }) =>
      text(12, HEADER + (gridPos?.y ?? 0) * ROW + 24, title ?? '', theme.text, 'font-weight="600"'),
    ),
    ...drawn,
    '</svg>',
  ].join('\n')
}

type Box = { x: number; y: number; width: number; height: number }

function drawPanel(panel: Panel, answers: Answer[], theme: Theme): string {
  const box = boxOf(panel.gridPos as GridPos)
  const unit = panel.fieldConfig?.defaults.unit ?? 'short'
  const series = answers.flatMap((answer) => answer.series ?? [])
  const rows = answers.flatMap((answer) => answer.rows ?? [])
  const error = answers.find((answer) => answer.error !== undefined)?.error
  const inner = { x: box.x + 10, y: box.y + 30, width: box.width - 20, height: box.height - 40 }
  const content = () => {
    if (error !== undefined) return text(inner.x, inner.y + 20, error.slice(0, 80), '#e02f44')
    if (panel.type === 'geomap') return drawMap(inner, answers, theme)
    if (rows.length > 0) return drawTable(inner, rows, theme)
    if (series.length === 0) return text(inner.x, inner.y + 20, 'No data', theme.faint)
    if (panel.type === 'stat') return drawFigure(inner, series, unit, theme)
    if (panel.type === 'table') return drawTable(inner, rowsOf(series, unit), theme)
    return drawLines(inner, series, unit, theme)
  }
  return [
    `<g><title>${escape(panel.description ?? '')}</title>`,
    `<rect x="${box.x}" y="${box.y}" width="${box.width}" height="${box.height}" rx="3" fill="${theme.panel}" stroke="${theme.border}"/>`,
    text(box.x + 10, box.y + 20, panel.title ?? '', theme.text, 'font-weight="600"'),
    content(),
    '</g>',
  ].join('')
}

function drawFigure(box: Box, series: readonly Series[], unit: string, theme: Theme): string {
  const value = lastOf(series[0]) ?? Number.NaN
  return text(
    box.x,
    box.y + box.height * 0.6,
    formatValue(value, unit),
    theme.text,
    'font-size="30" font-weight="600"',
  )
}

function drawLines(box: Box, series: readonly Series[], unit: string, theme: Theme): string {
  const plot = { ...box, x: box.x + 52, width: box.width - 52, height: box.height - 22 }
  const points = series.flatMap(({ points: all }) => all).filter(([, value]) => Number.isFinite(value))
  const [from, to] = [Math.min(...points.map(([at]) => at)), Math.max(...points.map(([at]) => at))]
  const top = Math.max(...points.map(([, value]) => value), 1e-9) * 1.1
  const x = (at: number) => plot.x + (plot.width * (at - from)) / Math.max(1, to - from)
  const y = (value: number) => plot.y + plot.height * (1 - value / top)
  const grid = [0, 0.5, 1].map((share) => {
    const at = y(top * share)
    const label = text(
      plot.x - 6,
      at + 4,
      formatValue(top * share, unit),
      theme.faint,
      'text-anchor="end" font-size="10"',
    )
    return `<line x1="${plot.x}" x2="${plot.x + plot.width}" y1="${at}" y2="${at}" stroke="${theme.border}"/>${label}`
  })
  const drawn = series.slice(0, lines.length).map(({ points: all }, index) => {
    const path = all
      .filter(([, value]) => Number.isFinite(value))
      .map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`)
    return `<polyline points="${path.join(' ')}" fill="none" stroke="${lines[index]}" stroke-width="1.5"/>`
  })
  let legendX = box.x
  const legend = series.slice(0, lines.length).map(({ name }, index) => {
    const label = name.slice(0, 28)
    const at = legendX
    legendX += 22 + label.length * 6
    if (legendX > box.x + box.width) return ''
    return `<rect x="${at}" y="${box.y + box.height - 6}" width="10" height="3" fill="${lines[index]}"/>${text(at + 14, box.y + box.height, label, theme.faint, 'font-size="10"')}`
  })
  return [...grid, ...drawn, ...legend].join('')
}

function drawTable(box: Box, rows: readonly Row[], theme: Theme): string {
  const columns = Object.keys(rows[0] ?? {})
  const width = box.width / columns.length
  const line = (values: readonly string[], index: number, color: string) =>
    values
      .map((value, column) =>
        text(
          box.x + column * width,
          box.y + 12 + index * 18,
          value.slice(0, Math.floor(width / 6.5)),
          color,
          'font-size="11"',
        ),
      )
      .join('')
  const fitting = Math.min(SHOWN_ROWS, Math.floor((box.height - 12) / 18))
  return [
    line(columns, 0, theme.faint),
    ...rows.slice(0, fitting).map((row, index) =>
      line(
        columns.map((column) => cell(row[column])),
        index + 1,
        theme.text,
      ),
    ),
  ].join('')
}

/** Hubs are squares, stops ahead dots, vans triangles; no streets, because those come from outside. */
function drawMap(box: Box, answers: readonly Answer[], theme: Theme): string {
  const placed = answers.flatMap(({ refId, rows = [] }) =>
    rows.map((row) => ({
      refId,
      name: cell(row.van ?? row.hub),
      x: Number(row.longitude),
      y: Number(row.latitude),
    })),
  )
  if (placed.length === 0) return text(box.x, box.y + 20, 'No data', theme.faint)
  const range = (values: readonly number[]) =>
    [Math.min(...values) - 0.002, Math.max(...values) + 0.002] as const
  const [west, east] = range(placed.map(({ x }) => x))
  const [south, north] = range(placed.map(({ y }) => y))
  return placed
    .map(({ refId, name, x, y }) => {
      const [px, py] = [
        box.x + (box.width * (x - west)) / (east - west),
        box.y + box.height * (1 - (y - south) / (north - south)),
      ]
      if (refId === 'B') return `<circle cx="${px}" cy="${py}" r="3" fill="#3274d9" opacity="0.7"/>`
      const label = text(px + 9, py + 4, name, theme.text, 'font-size="11"')
      if (refId === 'C')
        return `<rect x="${px - 6}" y="${py - 6}" width="12" height="12" fill="#a352cc"/>${label}`
      return `<path d="M${px} ${py - 8}l7 13h-14z" fill="#56a64b"/>${label}`
    })
    .join('')
}

function rowsOf(series: readonly Series[], unit: string): Row[] {
  return series.map((each) => ({ name: each.name, value: formatValue(lastOf(each) ?? Number.NaN, unit) }))
}

function lastOf(series: Series | undefined): number | undefined {
  return series?.points.findLast(([, value]) => Number.isFinite(value))?.[1]
}

function boxOf({ x, y, w, h }: GridPos): Box {
  return {
    x: x * COLUMN + GAP,
    y: HEADER + y * ROW + GAP / 2,
    width: w * COLUMN - GAP,
    height: h * ROW - GAP,
  }
}

function cell(value: unknown): string {
  if (value instanceof Date) return value.toISOString().slice(11, 19)
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function text(x: number, y: number, words: string, color: string, more = ''): string {
  return `<text x="${x.toFixed(0)}" y="${y.toFixed(0)}" fill="${color}" ${more}>${escape(words)}</text>`
}

function escape(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
