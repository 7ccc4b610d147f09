import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { repository } from '@urbanbloom/local/programs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findPrometheusPrograms, MISSING } from '../src/prometheus-programs.ts'
import { readAlerts } from '../src/rule-files.ts'

const run = promisify(execFile)
const programs = await findPrometheusPrograms()
if (programs === undefined) console.warn(MISSING)

const config = join(repository, 'prometheus/alertmanager.yml')
const templates = join(repository, 'prometheus/templates/*.tmpl')

const stuck = {
  status: 'firing',
  labels: { alertname: 'OrdersStuck', severity: 'critical', service: 'order' },
  annotations: {
    summary: '3 orders are stuck',
    description: 'The recovery cannot finish them.',
    runbook: 'docs/runbooks/OrdersStuck.md',
  },
  startsAt: '2026-11-25T10:00:00Z',
  endsAt: '2026-11-25T10:05:00Z',
}
const lag = {
  ...stuck,
  labels: { alertname: 'EventLag', severity: 'warning', service: 'order' },
  annotations: { ...stuck.annotations, summary: 'Events of order wait for 2m' },
}

describe.skipIf(programs === undefined)('Alertmanager', () => {
  test.each(['alertmanager.yml', 'alertmanager.local.yml'])('%s is well formed', async (name) => {
    await run(programs!.amtool, ['check-config', join(repository, 'prometheus', name)])
  })

  test('critical alerts go to the team at once, warnings later, and the one that always fires to nobody', async () => {
    const receivers = await Promise.all(
      readAlerts().map(async ({ alert, labels }) => {
        const pairs = Object.entries({ alertname: alert, ...labels }).map(
          ([name, value]) => `${name}=${value}`,
        )
        const args = ['config', 'routes', 'test', `--config.file=${config}`, ...pairs]
        return [labels.severity, (await run(programs!.amtool, args)).stdout.trim()]
      }),
    )
    const kinds = [...new Set(receivers.map((pair) => pair.join(' → ')))]
    expect(kinds.toSorted()).toEqual(['critical → team-now', 'none → nobody', 'warning → team'])
  })

  test('a title says how bad it is, whose it is and what it is', async () => {
    expect(await render('urbanbloom.title', [stuck])).toBe('Critical: order, 3 orders are stuck')
    expect(await render('urbanbloom.title', [stuck, lag])).toBe(
      'Critical: order, 3 orders are stuck (and 1 more)',
    )
    expect(await render('urbanbloom.title', [lag])).toBe('Warning: order, Events of order wait for 2m')
    const over = { ...stuck, status: 'resolved' }
    expect(await render('urbanbloom.title', [over])).toBe('Resolved: order, 3 orders are stuck')
    expect(await render('urbanbloom.color', [over])).toBe('good')
    // What still burns comes first.
    expect(await render('urbanbloom.title', [over, lag, lag])).toBe(
      'Critical: order, Events of order wait for 2m (and 1 more)',
    )
    expect(await render('urbanbloom.slack.text', [over, lag])).toMatch(
      /^:warning: \*EventLag\*[^]*\n:white_check_mark: \*OrdersStuck\*/,
    )
    expect(await render('urbanbloom.email.text', [over, lag])).toMatch(/^EventLag[^]*\nOrdersStuck/)
  })

  test('a message in Slack has the alert, its value, its runbook and its time', async () => {
    expect(await render('urbanbloom.slack.text', [stuck])).toBe(
      [
        ':rotating_light: *OrdersStuck* 3 orders are stuck',
        'The recovery cannot finish them.',
        '<https://git.example/urbanbloom/blob/main/docs/runbooks/OrdersStuck.md|What to do> · since 10:00:00 UTC',
      ].join('\n'),
    )
    const over = await render('urbanbloom.slack.text', [{ ...stuck, status: 'resolved' }])
    expect(over).toMatch(/^:white_check_mark: \*OrdersStuck\*/)
    expect(over).toMatch(/since 10:00:00 UTC until 10:05:00 UTC$/)
  })

  test('a mail has the same, and where to silence it', async () => {
    const mail = await render('urbanbloom.email.text', [stuck, lag])
    expect(mail).toContain('OrdersStuck (critical, firing)\n3 orders are stuck\n')
    expect(mail).toContain('EventLag (warning, firing)')
    expect(mail).toContain(
      'What to do: https://git.example/urbanbloom/blob/main/docs/runbooks/OrdersStuck.md\n',
    )
    expect(mail).toMatch(/silence them: http:\/\/alertmanager\.test$/)
  })
})

/** What a template makes of alerts of one group, in the form in which Alertmanager hands them over. */
async function render(template: string, alerts: (typeof stuck)[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'urbanbloom-template-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const data = join(folder, 'data.json')
  const severities = new Set(alerts.map(({ labels }) => labels.severity))
  const commonLabels = { service: 'order', ...(severities.size === 1 && alerts[0]?.labels) }
  const isFiring = alerts.some(({ status }) => status === 'firing')
  const group = {
    receiver: 'team',
    status: isFiring ? 'firing' : 'resolved',
    alerts,
    groupLabels: { service: 'order' },
    commonLabels,
    commonAnnotations: {},
    externalURL: 'http://alertmanager.test',
  }
  await writeFile(data, JSON.stringify(group))
  const text = `{{ template "${template}" . }}`
  const { stdout } = await run(programs!.amtool, [
    'template',
    'render',
    `--template.glob=${templates}`,
    `--template.text=${text}`,
    `--template.data=${data}`,
  ])
  expect(stdout).not.toContain('<no value>')
  return stdout.trim()
}
