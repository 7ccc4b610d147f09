import type { Dashboard, GridPos, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { type Answer, askPanel, panelsOf, type Sources } from './ask.ts'
import { drawFigure } from './draw-figure.ts'
import { drawGraph } from './draw-graph.ts'
import { drawMap } from './draw-map.ts'
import { drawTable, tableOfRows, tableOfSeries } from './draw-table.ts'
import { type Box, escaped, fitted, rectangle, type Theme, type ThemeName, text, themes } from './svg.ts'

/** Grafana's own measures on a screen of 1920 × 1080: a unit of its grid, the space between panels, the bar above. */
const SCREEN = { width: 1_920, height: 1_080 }
const ROW = 38
const GAP = 8
const HEADER = 84
const COLUMN = (SCREEN.width - 3 * GAP) / 24
const TITLE = 32

/**
 * A dashboard with its layout and values as an SVG: what Grafana would show on a screen of 1920 × 1080, drawn without
 * a Grafana, so that a person can judge what stands where and whether it can be read.
 */
export async function draw(dashboard: Dashboard, sources: Sources, name: ThemeName): Promise<string> {
  const theme = themes[name]
  const panels = panelsOf(dashboard)
  const titles = (dashboard.panels ?? []).filter(({ type }) => type === 'row')
  const bottom = Math.max(...panels.map(({ gridPos }) => (gridPos?.y ?? 0) + (gridPos?.h ?? 0)))
  const height = Math.max(SCREEN.height, bottom * ROW + HEADER + GAP)
  const drawn = await Promise.all(
    panels.map(async (panel) => drawPanel(panel, await askPanel(dashboard, panel, sources), theme)),
  )
  const variables = (dashboard.templating?.list ?? []).map(
    ({ label, name: variable, current }) => `${label ?? variable}: ${String(current?.text ?? '')}`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SCREEN.width} ${height}" width="${SCREEN.width}" height="${height}" font-family="Inter, Helvetica, Arial, sans-serif">`,
    `<rect width="100%" height="100%" fill="${theme.page}"/>`,
    text({ x: 16, y: 30 }, `UrbanBloom / ${dashboard.title}`, { color: theme.text, size: 18, bold: true }),
    text({ x: 16, y: 60 }, [...variables, dashboard.description ?? ''].filter(Boolean).join('   ·   '), {
      color: theme.faint,
      size: 13,
    }),
    text({ x: SCREEN.width - 16, y: 30 }, `${dashboard.time?.from} to now, every ${dashboard.refresh}`, {
      color: theme.faint,
      size: 13,
      anchor: 'end',
    }),
    ...titles.map(({ title, gridPos }) =>
      text({ x: 16, y: HEADER + (gridPos?.y ?? 0) * ROW + 24 }, `⌄ ${title}`, {
        color: theme.text,
        size: 15,
        bold: true,
      }),
    ),
    ...drawn,
    '</svg>',
  ].join('\n')
}

function drawPanel(panel: Panel, answers: Answer[], theme: Theme): string {
  const box = boxOf(panel.gridPos as GridPos)
  const inner = { x: box.x + 10, y: box.y + TITLE, width: box.width - 20, height: box.height - TITLE - 8 }
  return [
    `<g><title>${escaped(panel.description ?? '')}</title>`,
    rectangle(box, theme.panel, `rx="3" stroke="${theme.border}"`),
    text({ x: box.x + 10, y: box.y + 21 }, fitted(panel.title ?? '', 13, box.width - 20), {
      color: theme.text,
      size: 13,
      bold: true,
    }),
    drawContent(inner, panel, answers, theme),
    '</g>',
  ].join('')
}

function drawContent(inner: Box, panel: Panel, answers: readonly Answer[], theme: Theme): string {
  const series = answers.flatMap((answer) => answer.series ?? [])
  const rows = answers.flatMap((answer) => answer.rows ?? [])
  const error = answers.find((answer) => answer.error !== undefined)?.error
  const middle = { x: inner.x + inner.width / 2, y: inner.y + inner.height / 2 }
  if (error !== undefined)
    return text(middle, fitted(error, 12, inner.width), { color: '#e02f44', anchor: 'middle' })
  if (series.length === 0 && rows.length === 0) {
    const words = panel.fieldConfig?.defaults.noValue ?? 'No data'
    return text(middle, words, { color: theme.faint, size: 14, anchor: 'middle' })
  }
  if (panel.type === 'geomap') return drawMap(inner, answers, theme)
  if (panel.type === 'stat') return drawFigure(inner, panel, series, theme)
  if (panel.type === 'table') {
    return drawTable(inner, panel, rows.length > 0 ? tableOfRows(rows) : tableOfSeries(series), theme)
  }
  return drawGraph(inner, panel, series, theme)
}

function boxOf({ x, y, w, h }: GridPos): Box {
  return { x: x * COLUMN + GAP, y: HEADER + y * ROW, width: w * COLUMN - GAP, height: h * ROW - GAP }
}
