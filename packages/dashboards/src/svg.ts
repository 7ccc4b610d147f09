/** A place on the picture, in pixels. */
export type Box = { x: number; y: number; width: number; height: number }

export const themes = {
  light: { page: '#f4f5f5', panel: '#ffffff', border: '#d8dadd', text: '#24292e', faint: '#6e7780' },
  dark: { page: '#111217', panel: '#181b1f', border: '#2f3237', text: '#d5d7db', faint: '#8e939b' },
} as const

export type ThemeName = keyof typeof themes
export type Theme = (typeof themes)[ThemeName]

const namedColors: Readonly<Record<string, string>> = {
  green: '#56a64b',
  yellow: '#d9a600',
  orange: '#e0752d',
  red: '#e02f44',
  blue: '#3274d9',
  purple: '#a352cc',
}

/** A colour as Grafana names it; `text` is the theme's. */
export function colorOf(name: string, theme: Theme): string {
  return name === 'text' ? theme.text : (namedColors[name] ?? name)
}

/** The mean width of a letter in the sans-serif faces that a browser takes, as a part of the size. */
const LETTER = 0.56

export function widthOf(words: string, size: number): number {
  return words.length * size * LETTER
}

/** As much of the words as fits, with an ellipsis where something was left out. */
export function fitted(words: string, size: number, width: number): string {
  const letters = Math.floor(width / (size * LETTER))
  return words.length <= letters ? words : `${words.slice(0, Math.max(0, letters - 1))}…`
}

export function text(
  at: { x: number; y: number },
  words: string,
  style: { color: string; size?: number; bold?: boolean; anchor?: 'start' | 'middle' | 'end' },
): string {
  const { color, size = 12, bold = false, anchor = 'start' } = style
  return (
    `<text x="${at.x.toFixed(1)}" y="${at.y.toFixed(1)}" fill="${color}" font-size="${size}"` +
    `${bold ? ' font-weight="600"' : ''}${anchor === 'start' ? '' : ` text-anchor="${anchor}"`}>${escaped(words)}</text>`
  )
}

export function rectangle(box: Box, fill: string, more = ''): string {
  const { x, y, width, height } = box
  return `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" fill="${fill}" ${more}/>`
}

export function escaped(words: string): string {
  return words
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
