import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Row, Series } from './ask.ts'
import { thresholdColor } from './draw-figure.ts'
import { formatValue } from './format-value.ts'
import { type Box, colorOf, fitted, type Theme, text, widthOf } from './svg.ts'

const SIZE = 13
const LINE = 28
const PAD = 12

export type Table = { columns: string[]; rows: Row[] }
type Organize = {
  excludeByName?: Record<string, boolean>
  indexByName?: Record<string, number>
  renameByName?: Record<string, string>
}

export function tableOfRows(rows: readonly Row[]): Table {
  return { columns: Object.keys(rows[0] ?? {}), rows: [...rows] }
}

/** The labels of each series and its last value, as Grafana's format `table` has them. */
export function tableOfSeries(series: readonly Series[]): Table {
  const rows = series.map(({ labels, points }): Row => {
    const { __name__, ...named } = labels
    return { ...named, Value: points.findLast(([, value]) => Number.isFinite(value))?.[1] }
  })
  return tableOfRows(rows)
}

/** As many rows as fit, each column as its overrides say: its name, unit, width and colour. */
export function drawTable(box: Box, panel: Panel, table: Table, theme: Theme): string {
  const { excludeByName = {}, indexByName = {} } = organizeOf(panel)
  const columns = table.columns
    .filter((name) => excludeByName[name] !== true)
    .toSorted((a, b) => (indexByName[a] ?? 0) - (indexByName[b] ?? 0))
    .map((name) => ({ name, ...columnOptions(panel, name) }))
  const shownRows = table.rows.slice(0, Math.floor(box.height / LINE) - 1)
  const cells = shownRows.map((row) =>
    columns.map(({ name, unit, decimals }) => cellText(row[name], unit, decimals)),
  )
  const wanted = columns.map(({ title }, index) =>
    Math.max(widthOf(title, SIZE), ...cells.map((line) => widthOf(line[index] ?? '', SIZE))),
  )
  const total = wanted.reduce((sum, width) => sum + width + 2 * PAD, 0)
  const stretch = box.width / Math.max(1, total)
  let left = box.x
  const places = wanted.map((width) => {
    const place = { left, width: (width + 2 * PAD) * stretch }
    left += place.width
    return place
  })
  const line = (words: readonly string[], index: number, colorFor: (column: number) => string) =>
    words.map((word, column) => {
      const { left: from, width } = places[column] as { left: number; width: number }
      const isNumber = typeof table.rows[0]?.[columns[column]?.name ?? ''] === 'number'
      return text(
        { x: isNumber ? from + width - PAD : from + PAD / 2, y: box.y + 18 + index * LINE },
        fitted(word, SIZE, width - PAD / 2),
        { color: colorFor(column), size: SIZE, anchor: isNumber ? 'end' : 'start' },
      )
    })
  const rules = shownRows.map(
    (_, index) =>
      `<line x1="${box.x}" x2="${box.x + box.width}" y1="${box.y + 26 + index * LINE}" y2="${box.y + 26 + index * LINE}" stroke="${theme.border}"/>`,
  )
  return [
    ...rules,
    ...line(
      columns.map(({ title }) => title),
      0,
      () => theme.faint,
    ),
    ...cells.flatMap((words, index) =>
      line(words, index + 1, (column) => {
        const value = shownRows[index]?.[columns[column]?.name ?? '']
        return columns[column]?.isColored && typeof value === 'number'
          ? colorOf(thresholdColor(panel, value), theme)
          : theme.text
      }),
    ),
  ].join('')
}

type Column = { title: string; unit?: string; decimals?: number; isColored: boolean }

function columnOptions(panel: Panel, name: string): Column {
  const { defaults, overrides = [] } = panel.fieldConfig ?? {}
  const title = organizeOf(panel).renameByName?.[name] ?? name
  const properties = overrides
    .filter(({ matcher }) => matcher.id === 'byName' && [name, title].includes(matcher.options as string))
    .flatMap((override) => override.properties)
  const property = (id: string): any => properties.find((each) => each.id === id)?.value
  return {
    title,
    unit: property('unit') ?? defaults?.unit,
    decimals: property('decimals') ?? defaults?.decimals,
    isColored: property('custom.cellOptions')?.type === 'color-text',
  }
}

function organizeOf(panel: Panel): Organize {
  return ((panel.transformations ?? []).find(({ id }) => id === 'organize')?.options ?? {}) as Organize
}

function cellText(value: unknown, unit = 'none', decimals?: number): string {
  if (value instanceof Date) return value.toISOString().slice(11, unit === 'time:HH:mm' ? 16 : 19)
  if (value === null || value === undefined) return ''
  if (typeof value === 'number') return formatValue(value, unit, decimals)
  return typeof value === 'string' ? value : JSON.stringify(value)
}
