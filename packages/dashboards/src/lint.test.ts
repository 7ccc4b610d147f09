import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Dashboard, Panel } from '@grafana/grafana-foundation-sdk/dashboard'
import { load } from 'js-yaml'
import { describe, expect, test } from 'vitest'
import { allDashboards } from './all.ts'
import { panelsOf } from './ask.ts'

type Lint = {
  exclusions: Record<string, { reason: string; entries?: { dashboard: string; panel: string }[] }>
}

const grafana = path.join(import.meta.dirname, '../../../grafana')
const { exclusions } = load(readFileSync(path.join(grafana, '.lint'), 'utf8')) as Lint
const pages = allDashboards()
const panels = pages.flatMap((page) => panelsOf(page).map((panel) => ({ page, panel })))
const targets = panels.flatMap(({ page, panel }) =>
  (panel.targets ?? []).map((target) => {
    const { expr = '', legendFormat = '' } = target as { expr?: string; legendFormat?: string }
    return { dashboard: page.title ?? '', panel: panel.title ?? '', type: panel.type, expr, legendFormat }
  }),
)

// The rules of Grafana's dashboard-linter by their names there, and what else makes a panel readable.
describe.each(panels.map(({ page, panel }) => [`${page.title}: ${panel.title}`, page, panel] as const))(
  '%s',
  (_, page, panel) => {
    test('panel-title-description-rule, panel-no-targets-rule: it says what it shows', () => {
      expect(panel.title).toBeTruthy()
      expect(panel.description?.length).toBeGreaterThan(5)
      expect(panel.targets?.length).toBeGreaterThan(0)
      expect(new Set(refIds(panel)).size).toBe(panel.targets?.length)
    })

    test('panel-units-rule: in a unit of Grafana’s, columns of a table too', () => {
      const units = [
        'bool_yes_no',
        'bytes',
        'none',
        'ops',
        'percentunit',
        'reqps',
        's',
        'short',
        'time:HH:mm',
      ]
      const { defaults, overrides = [] } = panel.fieldConfig ?? {}
      const others = overrides.flatMap(({ properties }) => properties.filter(({ id }) => id === 'unit'))
      for (const unit of [defaults?.unit, ...others.map(({ value }) => value)]) expect(units).toContain(unit)
    })

    test('its source is provisioned, its variables are there', () => {
      expect(['prometheus', 'postgres']).toContain(panel.datasource?.uid)
      expect(variablesOf(panel).filter((name) => !isKnown(page, name))).toEqual([])
    })

    test('a title fits above its panel', () => {
      // Grafana's titles have 14 pixels, a column has 79.
      expect((panel.title?.length ?? 0) * 14 * 0.56).toBeLessThan((panel.gridPos?.w ?? 0) * 79 - 40)
    })
  },
)

test('target-counter-agg-rule: a counter is only ever shown as a rate or an increase', () => {
  for (const { expr } of targets) {
    for (const [counter] of expr.matchAll(/\b\w+_(?:total|bucket|sum|count)\b(?![\w(])/g)) {
      if (/^(?:kube|pg|redis)_\w*_count$|_stat_activity_count$|_locks_count$/.test(counter)) continue
      expect(expr, `${counter} without a rate`).toMatch(new RegExp(`(?:rate|increase)\\(${counter}\\b`))
    }
  }
})

test('target-histogram-rule: buckets are only ever shown as a quantile', () => {
  for (const { expr } of targets.filter((target) => target.expr.includes('_bucket'))) {
    expect(expr).toContain('histogram_quantile(')
    expect(expr).toMatch(/by \((?:\w+, )*le\)/)
  }
})

test('target-rate-interval-rule: rates are over an interval that fits every zoom, but for what grafana/.lint names', () => {
  const fixed = targets
    .filter(({ expr }) => /rate\([^[]*\[(?!\$__rate_interval\])/.test(expr))
    .map(({ dashboard, panel }) => ({ dashboard, panel }))
  const named = exclusions['target-rate-interval-rule']?.entries ?? []
  expect(sorted(fixed)).toEqual(sorted(named))
})

test('a legend names labels that the query keeps', () => {
  for (const { expr, legendFormat, panel } of targets) {
    const labels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label)
    const kept = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(', ')
    if (kept !== undefined) for (const label of labels) expect(kept, `${panel}: ${expr}`).toContain(label)
  }
})

test('uneditable-dashboard-rule, template-on-time-change-reload-rule: nothing to save in the browser, nothing stale', () => {
  for (const { title, editable, refresh, time, templating } of pages) {
    expect({ editable, refresh, to: time?.to }, title).toEqual({
      editable: false,
      refresh: expect.stringMatching(/^\d+s$/),
      to: 'now',
    })
    for (const variable of templating?.list ?? []) {
      expect(variable).toMatchObject({ type: 'query', refresh: 2 })
      expect(JSON.stringify(variable)).toContain('label_values(')
    }
  }
})

test('every exclusion of grafana/.lint says why', () => {
  for (const [rule, { reason }] of Object.entries(exclusions)) {
    expect(reason.length, rule).toBeGreaterThan(15)
  }
})

function sorted(entries: { dashboard: string; panel: string }[]): string[] {
  return [...new Set(entries.map(({ dashboard, panel }) => `${dashboard}: ${panel}`))].toSorted()
}

function refIds(panel: Panel): string[] {
  return (panel.targets ?? []).map((target) => (target as { refId?: string }).refId ?? '')
}

function variablesOf(panel: Panel): string[] {
  return [...JSON.stringify(panel.targets).matchAll(/\$(\w+)/g)].map(([, name]) => name ?? '')
}

function isKnown({ templating }: Dashboard, name: string): boolean {
  return name.startsWith('__') || (templating?.list ?? []).some((variable) => variable.name === name)
}
