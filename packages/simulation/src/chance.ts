export type Chance = ReturnType<typeof createChance>

/** Numbers that look random and are the same for the same seed (mulberry32). */
export function createChance(seed: number) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    is: (probability: number) => next() < probability,
    between: (least: number, most: number) => least + (most - least) * next(),
    whole: (least: number, most: number) => least + Math.floor((most - least + 1) * next()),
    pick: <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T,
    /** `count` different items, or all when there are fewer. */
    sample<T>(items: readonly T[], count: number): T[] {
      const rest = [...items]
      return Array.from({ length: Math.min(count, rest.length) }, () => {
        const [item] = rest.splice(Math.floor(next() * rest.length), 1)
        return item as T
      })
    },
  }
}
