/** One line of what a service answers at `/metrics`. */
export type Series = { name: string; labels: Readonly<Record<string, string>>; value: number }

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \S+)?$/
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g

/** Reads Prometheus' text format. @throws on a line that is neither a series nor a comment. */
export function parseExposition(text: string): Series[] {
  return text
    .split('\n')
    .filter((each) => each !== '' && !each.startsWith('#'))
    .map((each) => {
      const [, name, labels = '', value] = line.exec(each) ?? []
      if (name === undefined || value === undefined) throw new Error(`This is no series: ${each}`)
      const pairs = [...labels.matchAll(label)].map(([, key, content]) => [key, content])
      return { name, labels: Object.fromEntries(pairs), value: Number(value.replace('Inf', 'Infinity')) }
    })
}
