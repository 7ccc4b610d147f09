import type { Answer } from './ask.ts'
import { type Box, type Theme, text } from './svg.ts'

/** Vans, stops and hubs as the layers of the map colour them; no streets, because those come from outside. */
export function drawMap(box: Box, answers: readonly Answer[], theme: Theme): string {
  const placed = answers.flatMap(({ refId, rows = [] }) =>
    rows.map((row) => ({
      refId,
      name: typeof row.hub === 'string' ? row.hub : '',
      x: Number(row.longitude),
      y: Number(row.latitude),
    })),
  )
  const range = (values: readonly number[], margin: number) =>
    [Math.min(...values) - margin, Math.max(...values) + margin] as const
  const [west, east] = range(
    placed.map(({ x }) => x),
    0.004,
  )
  const [south, north] = range(
    placed.map(({ y }) => y),
    0.003,
  )
  const marks = placed.map(({ refId, name, x, y }) => {
    const at = {
      x: box.x + (box.width * (x - west)) / (east - west),
      y: box.y + 14 + (box.height - 40) * (1 - (y - south) / (north - south)),
    }
    if (refId === 'B') return `<circle cx="${at.x}" cy="${at.y}" r="4" fill="#3274d9" opacity="0.7"/>`
    if (refId === 'C') {
      const label = text({ x: at.x + 11, y: at.y + 4 }, name, { color: theme.text, size: 12 })
      return `<rect x="${at.x - 7}" y="${at.y - 7}" width="14" height="14" fill="#a352cc"/>${label}`
    }
    return `<path d="M${at.x} ${at.y - 8}l7 13h-14z" fill="#56a64b"/>`
  })
  const legend = text(
    { x: box.x, y: box.y + box.height - 4 },
    '▲ vans   ● stops ahead   ■ hubs   (streets come from OpenStreetMap and are not drawn here)',
    { color: theme.faint, size: 12 },
  )
  return [...marks, legend].join('')
}
