import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { expect, test } from 'vitest'
import { allDashboards, fileOf } from './all.ts'
import { panelsOf } from './ask.ts'

const folder = path.join(import.meta.dirname, '../../../grafana/dashboards')
const pages = allDashboards()
const panels = pages.flatMap((page) => panelsOf(page).map((panel) => ({ page, panel })))

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

// The rules of Grafana's dashboard-linter that fit dashboards of one system; those about `job` and `instance`
// variables are for mixins that many systems share.
test.each(panels.map(({ page, panel }) => [`${page.title}: ${panel.title}`, page, panel] as const))(
  '%s says what it shows, in a unit, from a source that is provisioned',
  (_, page, panel) => {
    expect(panel.title).toBeTruthy()
    expect(panel.description?.length).toBeGreaterThan(5)
    expect(panel.fieldConfig?.defaults.unit).toBeTruthy()
    expect(['prometheus', 'postgres']).toContain(panel.datasource?.uid)
    expect(panel.targets?.length).toBeGreaterThan(0)
    expect(new Set(refIds(panel)).size).toBe(panel.targets?.length)
    expect(variablesOf(panel).filter((name) => !isKnown(page, name))).toEqual([])
  },
)

test('a counter is only ever shown as a rate or an increase, over an interval that fits every zoom', () => {
  const expressions = panels.flatMap(({ panel }) =>
    (panel.targets ?? []).map((target) => (target as { expr?: string }).expr ?? ''),
  )
  for (const expression of expressions) {
    for (const [counter] of expression.matchAll(/\b\w+_(?:total|bucket)\b(?!\w)/g)) {
      if (expression.includes(`label_values(${counter}`)) continue
      const use = new RegExp(`(?:rate|increase)\\(${counter}\\b`)
      expect(expression, `${counter} without a rate`).toMatch(use)
    }
    for (const [, range] of expression.matchAll(/rate\([^[]*\[([^\]]+)\]/g)) {
      expect(['$__rate_interval', '5m', '1h']).toContain(range)
    }
  }
})

test('uids are stable and short enough for a link', () => {
  for (const { uid } of pages) expect(uid).toMatch(/^[a-z-]{3,40}$/)
  expect(new Set(pages.map(({ uid }) => uid)).size).toBe(pages.length)
})

function refIds(panel: Panel): string[] {
  return (panel.targets ?? []).map((target) => (target as { refId?: string }).refId ?? '')
}

function variablesOf(panel: Panel): string[] {
  return [...JSON.stringify(panel.targets).matchAll(/\$(\w+)/g)].map(([, name]) => name ?? '')
}

function isKnown({ templating }: Dashboard, name: string): boolean {
  return name.startsWith('__') || (templating?.list ?? []).some((variable) => variable.name === name)
}
