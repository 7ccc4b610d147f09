import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { allDashboards, fileOf } from './all.ts'
import { panelsOf } from './ask.ts'
import { SCREEN_ROWS } from './layout.ts'

const folder = path.join(import.meta.dirname, '../../../grafana/dashboards')
const pages = allDashboards()

test('the files are what the code says: run "npm run dashboards" after a change', () => {
  const expected = Object.fromEntries(pages.map(fileOf).map(({ name, text }) => [name, text]))
  const found = Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]),
  )
  expect(found).toEqual(expected)
})

test.each(pages.map((page) => [page.title, page] as const))(
  '%s: no panel lies over another, and each row is full',
  (_, page) => {
    const taken = new Map<string, string>()
    for (const { gridPos, title } of panelsOf(page)) {
      if (gridPos === undefined) throw new Error(`${title} has no place`)
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.get(`${x},${y}`), `${title} lies over it`).toBeUndefined()
          taken.set(`${x},${y}`, title ?? '')
        }
      }
    }
    for (const y of new Set([...taken.keys()].map((place) => place.split(',')[1]))) {
      expect(Array.from({ length: 24 }, (_unused, x) => taken.has(`${x},${y}`))).not.toContain(false)
    }
  },
)

test.each(pages.map((page) => [page.title, page] as const))('%s fills one screen and no more', (_, page) => {
  const bottoms = panelsOf(page).map(({ gridPos }) => (gridPos?.y ?? 0) + (gridPos?.h ?? 0))
  expect(Math.max(...bottoms)).toBe(SCREEN_ROWS)
  // A figure needs its title and a line, a graph its axes and a legend, a table its heading and some lines.
  const least = { stat: 3, timeseries: 6, table: 6, geomap: 12 }
  for (const { type, gridPos, title } of panelsOf(page)) {
    expect(gridPos?.h, title).toBeGreaterThanOrEqual(least[type as keyof typeof least])
  }
})

test('uids are stable and short enough for a link', () => {
  for (const { uid } of pages) expect(uid).toMatch(/^[a-z-]{3,40}$/)
  expect(new Set(pages.map(({ uid }) => uid)).size).toBe(pages.length)
})
