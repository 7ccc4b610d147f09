import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { repository } from '@urbanbloom/local/programs'
import { load } from 'js-yaml'
import { describe, expect, onTestFinished, test } from 'vitest'
import { constantsOfTheCode, exporterFigures, figureOf, runtimeFigures } from '../src/figures.ts'
import { findPrometheusPrograms, MISSING } from '../src/prometheus-programs.ts'
import { type Alert, readAlerts, readRules, ruleFiles, rulesFolder } from '../src/rule-files.ts'
import { type AlertCase, alertCases } from './alert-cases.ts'
import { type AlertEdge, alertEdges } from './alert-edges.ts'

const run = promisify(execFile)
const programs = await findPrometheusPrograms()
const alerts = readAlerts()
if (programs === undefined) console.warn(MISSING)

describe.skipIf(programs === undefined)('with promtool', () => {
  test('the rules are well formed', async () => {
    const { stdout } = await run(programs!.promtool, ['check', 'rules', ...ruleFiles()])
    expect(stdout).not.toMatch(/FAILED/)
  })

  test.each([
    'prometheus/prometheus.yml',
    'prometheus/prometheus.containers.yml',
    'k8s/components/monitoring/prometheus.yml',
    'k8s/components/monitoring-cluster/prometheus.yml',
  ])('%s is well formed', async (file) => {
    const folder = await mkdtemp(join(tmpdir(), 'urbanbloom-config-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    const config = load(await readFile(join(repository, file), 'utf8')) as { scrape_configs: object[] }
    // Debian's Prometheus is built without the discovery of Kubernetes; the schema of the rest is the same.
    for (const each of config.scrape_configs) Reflect.deleteProperty(each, 'kubernetes_sd_configs')
    const copy = join(folder, 'prometheus.yml')
    await writeFile(copy, JSON.stringify(config))
    await run(programs!.promtool, ['check', 'config', '--syntax-only', copy])
  })

  test('each alert fires, with the words and labels that people will read', async () => {
    await testRules(({ alert, severity, within, fires }) => {
      const rule = ruleOf(alert, severity, within)
      const { description = '', runbook = '' } = rule.annotations
      const exp_alerts = [
        {
          exp_labels: { severity, ...fires.labels },
          exp_annotations: { summary: fires.summary, description, runbook },
        },
      ]
      // Rules of one name are told apart by what they fire, so each has to be the only one or be asked for by its labels.
      const labels = `alertname="${alert}",severity="${severity}",alertstate="firing"${within === undefined ? '' : `,within="${within}"`}`
      const isFiring = {
        eval_time: fires.at,
        expr: `count(ALERTS{${labels}})`,
        exp_samples: [{ labels: '{}', value: 1 }],
      }
      const check = { eval_time: fires.at, alertname: alert, exp_alerts }
      const group = groupOf(alert, severity, fires.given)
      return {
        ...group,
        ...(within === undefined && { alert_rule_test: [check] }),
        promql_expr_test: [isFiring],
      }
    })
  })

  test('each alert is quiet when nothing is wrong enough', async () => {
    await testRules(({ alert, severity, quiet }) => {
      const expr = `ALERTS{alertname="${alert}",severity="${severity}",alertstate="firing"}`
      const check = { eval_time: quiet.at, expr, exp_samples: [] }
      const group = groupOf(alert, severity, quiet.given)
      // The one that always fires is the sign that alerting works.
      return alert === 'Watchdog' ? group : { ...group, promql_expr_test: [check] }
    })
  })

  test.each(['15s', '1m'] as const)(
    'each alert keeps to its threshold and its time, evaluated every %s',
    async (pace) => {
      const edges = Object.entries(alertEdges).map(([file, all]) => [
        file,
        all.filter(({ interval = '1m' }) => interval === pace),
      ])
      await testGroups<AlertEdge>(Object.fromEntries(edges), pace, edgeGroup)
    },
    // promtool evaluates days, step by step.
    120_000,
  )
})

test('each rule of an alert has a case, and each case a rule', () => {
  const rules = alerts.map(({ alert, labels }) => `${alert} ${labels.severity} ${labels.within ?? ''}`)
  const cases = Object.values(alertCases)
    .flat()
    .map(({ alert, severity, within = '' }) => `${alert} ${severity} ${within}`)
  expect(cases.toSorted()).toEqual(rules.toSorted())
  expect(rules.length).toBeGreaterThan(35)
})

test.each(alerts)('$alert ($labels.severity) says what, how bad, whose and what to do', (alert) => {
  expect(['critical', 'warning', 'none']).toContain(alert.labels.severity)
  const { summary = '', description = '', runbook = '' } = alert.annotations
  // Figures belong in the summary; a description with some would change with every evaluation.
  expect(description).not.toContain('{{')
  expect(description).toMatch(/\.$/)
  expect(summary.length).toBeGreaterThan(10)
  expect(runbook).toBe(`docs/runbooks/${alert.alert}.md`)
  const page = join(repository, runbook)
  expect(existsSync(page), `${runbook} is missing`).toBe(true)
  const headings = [...readFileSync(page, 'utf8').matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)
  expect(headings).toEqual(['What it means', 'Check', 'Mend'])
})

test('every figure that a rule asks for exists in the code or in a named exporter', () => {
  const recorded = new Set(readRules().flatMap((rule) => ('record' in rule ? [rule.record] : [])))
  const unknown = readRules().flatMap(({ expr }) =>
    metricsOf(expr).filter((name) => !isKnown(name, recorded)),
  )
  expect([...new Set(unknown)]).toEqual([])
})

function ruleOf(alert: string, severity: string, within?: string): Alert {
  const rule = alerts.find(
    (each) => each.alert === alert && each.labels.severity === severity && each.labels.within === within,
  )
  if (rule === undefined) throw new Error(`There is no rule ${alert} with the severity ${severity}`)
  return rule
}

function groupOf(alert: string, severity: AlertCase['severity'], given: AlertCase['quiet']['given']) {
  const input_series = Object.entries(given).map(([series, values]) => ({ series, values }))
  return { name: `${alert} ${severity}`, interval: '1m', input_series }
}

function edgeGroup({ what, alert, interval = '1m', given, ...edge }: AlertEdge) {
  const severity = edge.severity === undefined ? '' : `,severity="${edge.severity}"`
  const labels = edge.labels === undefined ? '' : `,${edge.labels}`
  const expr = `count(ALERTS{alertname="${alert}",alertstate="firing"${severity}${labels}}) > bool 0 or vector(0)`
  const expected = (eval_time: string, value: number) => ({
    eval_time,
    expr,
    exp_samples: [{ labels: '{}', value }],
  })
  const checks = [
    ...(edge.firing ?? []).map((at) => expected(at, 1)),
    ...(edge.quiet ?? []).map((at) => expected(at, 0)),
  ]
  const input_series = Object.entries(given).map(([series, values]) => ({ series, values }))
  return { name: `${alert} ${what}`, interval, input_series, promql_expr_test: checks }
}

const testRules = (toGroup: (each: AlertCase) => object) => testGroups(alertCases, '1m', toGroup)

/** One run for all files of rules, each with its own cases, because every case evaluates every rule of its file. */
async function testGroups<T>(
  allCases: Readonly<Record<string, readonly T[]>>,
  evaluation_interval: string,
  toGroup: (each: T) => object,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'urbanbloom-rules-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const files = Object.entries(allCases).map(async ([name, cases]) => {
    const rule_files = ['recording', name].map((each) => join(rulesFolder, `${each}.yml`))
    const file = join(folder, `${name}.json`)
    // JSON is YAML.
    await writeFile(file, JSON.stringify({ rule_files, evaluation_interval, tests: cases.map(toGroup) }))
    return file
  })
  const args = ['test', 'rules', ...(await Promise.all(files))]
  const { stdout } = await run(programs!.promtool, args).catch((err: { stdout: string; stderr: string }) => {
    throw new Error(`${err.stdout}\n${err.stderr}`)
  })
  expect(stdout.match(/SUCCESS/g)).toHaveLength(files.length)
}

const words = new Set(
  (
    'sum max min count avg by on or and unless without group_left absent vector rate increase time clamp_max bool ' +
    'offset histogram_quantile avg_over_time max_over_time min_over_time label_replace'
  ).split(' '),
)

/** The names in a PromQL expression that are neither its words nor labels. */
function metricsOf(expr: string): string[] {
  const bare = expr
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '')
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(/\b(by|on|without|group_left) *\([^)]*\)/g, '')
  return [...bare.matchAll(/[a-zA-Z_][\w:]*/g)].map(([name]) => name).filter((name) => !words.has(name))
}

const constants = constantsOfTheCode()

function isKnown(name: string, recorded: ReadonlySet<string>): boolean {
  const isOurs = constants.has(figureOf(name, constants))
  return recorded.has(name) || isOurs || runtimeFigures.test(name) || exporterFigures.includes(name)
}
