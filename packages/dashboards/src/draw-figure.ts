import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import type { Series } from './ask.ts'
import { formatValue } from './format-value.ts'
import { type Box, colorOf, type Theme, text } from './svg.ts'

/** One large number in the colour of its threshold, with its course behind it. */
export function drawFigure(box: Box, panel: Panel, series: readonly Series[], theme: Theme): string {
  const { unit = 'short', decimals } = panel.fieldConfig?.defaults ?? {}
  const points = (series[0]?.points ?? []).filter(([, value]) => Number.isFinite(value))
  const value = points.at(-1)?.[1]
  if (value === undefined)
    return text({ x: box.x, y: box.y + 20 }, 'No data', { color: theme.faint, size: 14 })
  const color = colorOf(thresholdColor(panel, value), theme)
  const shown = formatValue(value, unit, decimals)
  const size = Math.min(44, box.height * 0.62, (box.width - 16) / Math.max(1, shown.length * 0.56))
  return [
    spark(box, points, color === theme.text ? theme.faint : color),
    text({ x: box.x + box.width / 2, y: box.y + box.height * 0.38 + size * 0.35 }, shown, {
      color,
      size: Math.round(size),
      bold: true,
      anchor: 'middle',
    }),
  ].join('')
}

/** The colour of the last step that the value has reached; `text` where the panel has no limits. */
export function thresholdColor(panel: Panel, value: number): string {
  const steps = panel.fieldConfig?.defaults.thresholds?.steps ?? []
  return steps.findLast((step) => step.value === null || value >= step.value)?.color ?? 'text'
}

function spark(box: Box, points: readonly (readonly [number, number])[], color: string): string {
  if (points.length < 2) return ''
  const values = points.map(([, value]) => value)
  const [least, most] = [Math.min(...values), Math.max(...values)]
  const height = box.height * 0.28
  const [from, to] = [points[0]?.[0] ?? 0, points.at(-1)?.[0] ?? 1]
  const at = ([seconds, value]: readonly [number, number]) => {
    const x = box.x + (box.width * (seconds - from)) / (to - from)
    const y = box.y + box.height - (height * (value - least)) / Math.max(1e-9, most - least)
    return `${x.toFixed(1)},${y.toFixed(1)}`
  }
  const line = points.map(at).join(' ')
  const bottom = box.y + box.height
  return (
    `<polygon points="${box.x},${bottom} ${line} ${box.x + box.width},${bottom}" fill="${color}" opacity="0.12"/>` +
    `<polyline points="${line}" fill="none" stroke="${color}" stroke-width="1" opacity="0.6"/>`
  )
}
