import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const repository = path.join(import.meta.dirname, '../../..')
const dashboards = path.join(repository, 'grafana/dashboards')
/** Inside of the package, so that the checked files find its modules; git does not see it. */
const folder = path.join(import.meta.dirname, `../node_modules/.schema-check-${process.pid}`)

beforeAll(() => mkdirSync(folder, { recursive: true }))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What the schema refuses of a dashboard, as the compiler says it; an empty text where it is right. */
function refusals(files: Readonly<Record<string, string>>): string {
  const sources = Object.entries(files).map(([name, json]) => {
    const source = path.join(folder, `${name}.ts`)
    writeFileSync(
      source,
      `import type { DashboardFile } from '../../src/grafana-schema.ts'\nexport const file: DashboardFile = ${json}`,
    )
    return source
  })
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--allowImportingTsExtensions', '--ignoreConfig']
  try {
    execFileSync(
      path.join(repository, 'node_modules/.bin/tsc'),
      [...options, '--module', 'nodenext', '--target', 'esnext', ...sources],
      { encoding: 'utf8', cwd: folder },
    )
    return ''
  } catch (err) {
    return (err as { stdout: string }).stdout
  }
}

const texts = Object.fromEntries(
  readdirSync(dashboards).map((name) => [
    name.replace('.json', ''),
    readFileSync(path.join(dashboards, name), 'utf8'),
  ]),
)

test('every dashboard is one by the schema of the Grafana that is deployed', () => {
  expect(Object.keys(texts).length).toBeGreaterThan(9)
  expect(refusals(texts)).toBe('')
})

test.each<[string, (page: any) => void]>([
  ['a field that Grafana does not know', (page) => (page.colour = 'red')],
  ['a panel of a kind that there is not', (page) => (page.panels[0].type = 'graph-of-old')],
  ['an option by a wrong name', (page) => (page.panels[0].options.colourMode = 'value')],
  ['a mode that there is not', (page) => (page.panels[0].options.graphMode = 'curve')],
  ['a text where a number belongs', (page) => (page.panels[0].gridPos.w = '4')],
  ['a panel without a place', (page) => delete page.panels[0].gridPos],
  ['a query without an expression', (page) => delete page.panels[0].targets[0].expr],
  [
    'a threshold without a colour',
    (page) => delete page.panels[0].fieldConfig.defaults.thresholds.steps[0].color,
  ],
])('%s is refused', (_, damage) => {
  const page = JSON.parse(texts['system-health'] ?? '')
  damage(page)
  expect(refusals({ damaged: JSON.stringify(page) })).toContain('damaged.ts')
})

test('the schema is of the version that is deployed', () => {
  const catalog = readFileSync(path.join(repository, 'pnpm-workspace.yaml'), 'utf8')
  const [, version] = /'@grafana\/schema': ([\d.]+)/.exec(catalog) ?? []
  expect(readFileSync(path.join(repository, 'docker/compose.yaml'), 'utf8')).toContain(
    `grafana/grafana:${version}@sha256:`,
  )
})
