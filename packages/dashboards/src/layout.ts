import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard'

/** The rows of Grafana's grid that a screen of 1920 × 1080 shows below the bar with time and variables. */
export const SCREEN_ROWS = 26

const COLUMNS = 24
const TITLE_ROWS = 1
const FIGURE_ROWS = 3
/** A heading and five lines. */
const TABLE_ROWS = 7
const MOST_ROWS = 14

/**
 * Lays panels out line by line in their order: titles, figures and lines of tables alone are low, and what is left of the
 * screen is shared by the other lines, so that a page neither scrolls nor ends halfway down.
 */
export function fitToScreen(dashboard: Dashboard): Dashboard {
  const lines = linesOf(dashboard.panels ?? [])
  const fixed = lines.map(fixedRows)
  const stretched = fixed.filter((rows) => rows === undefined).length
  const left = SCREEN_ROWS - fixed.reduce<number>((sum, rows) => sum + (rows ?? 0), 0)
  let [y, shared, given] = [0, 0, 0]
  for (const [index, line] of lines.entries()) {
    let rows = fixed[index]
    if (rows === undefined) {
      shared += 1
      rows = Math.min(MOST_ROWS, Math.floor((left * shared) / stretched) - given)
      given += rows
    }
    let x = 0
    for (const panel of line) {
      const width = panel.type === 'row' ? COLUMNS : widthOf(panel)
      panel.gridPos = { x, y, w: width, h: rows }
      x += width
    }
    y += rows
  }
  return dashboard
}

type Element = Panel | RowPanel

function linesOf(elements: readonly Element[]): Element[][] {
  const lines: Element[][] = []
  let taken = COLUMNS
  for (const element of elements) {
    const width = element.type === 'row' ? COLUMNS : widthOf(element)
    if (taken + width > COLUMNS) {
      lines.push([])
      taken = 0
    }
    lines.at(-1)?.push(element)
    taken += width
  }
  return lines
}

function fixedRows(line: readonly Element[]): number | undefined {
  if (line.every(({ type }) => type === 'row')) return TITLE_ROWS
  if (line.every(({ type }) => type === 'table')) return TABLE_ROWS
  return line.every(({ type }) => type === 'stat') ? FIGURE_ROWS : undefined
}

function widthOf(panel: Element): number {
  return panel.gridPos?.w ?? COLUMNS
}
