import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Child, startChild } from '@urbanbloom/local/child'
import { freePort } from '@urbanbloom/local/ports'
import { repository } from '@urbanbloom/local/programs'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { dump, load } from 'js-yaml'
import { request } from 'undici'
import type { PrometheusPrograms } from './prometheus-programs.ts'

/**
 * `real` is the repository's configuration with other addresses. `short` also scrapes and evaluates every second,
 * waits five seconds where a rule waits a minute, and looks back a second for each minute and ten more, so that
 * faults show and end within seconds; expressions, thresholds, routes, inhibition and templates are the same.
 */
export type Pace = 'real' | 'short'

type Options = {
  folder: string
  programs: PrometheusPrograms
  pace: Pace
  /** Where each service answers `/metrics`, as host and port. */
  targets: Readonly<Record<string, string>>
  slackPort: number
  mailPort: number
}

const source = join(repository, 'prometheus')
const READY_LIMIT_MS = 30_000
const STOP_LIMIT_MS = 5_000

/** Starts Prometheus and Alertmanager with the repository's own rules, routes and templates. */
export async function startAlertingStack(options: Options) {
  const { folder, programs, pace } = options
  const ports = { prometheus: await freePort(), alertmanager: await freePort() }
  await mkdir(join(folder, 'rules'), { recursive: true })
  await cp(join(source, 'templates'), join(folder, 'templates'), { recursive: true })
  for (const name of await readdir(join(source, 'rules'))) {
    const text = await readFile(join(source, 'rules', name), 'utf8')
    await writeFile(join(folder, 'rules', name), pace === 'short' ? shortened(text) : text)
  }
  await writePrometheusConfig(options, ports.alertmanager)
  await writeAlertmanagerConfig(options)
  const children: Child[] = []
  // The last resort when the drill is ended without a chance to close.
  process.once('exit', () => {
    for (const child of children) child.signal('SIGKILL')
  })
  const start = async (name: 'prometheus' | 'alertmanager', args: string[]) => {
    const child = await startChild({
      name,
      command: programs[name],
      args: [
        ...args,
        `--config.file=${join(folder, `${name}.yml`)}`,
        `--web.listen-address=127.0.0.1:${ports[name]}`,
        '--log.level=warn',
      ],
      env: { PATH: process.env.PATH },
      cwd: folder,
      logFile: join(folder, `${name}.log`),
    })
    children.push(child)
    await waitFor(async () => (await request(`http://127.0.0.1:${ports[name]}/-/ready`)).statusCode === 200, {
      describe: `${name} is ready`,
      timeoutMs: READY_LIMIT_MS,
    })
  }
  const close = async () => {
    await Promise.all(children.map((child) => child.stop(STOP_LIMIT_MS)))
  }
  try {
    await start('alertmanager', [`--storage.path=${join(folder, 'alerts')}`, '--cluster.listen-address='])
    await start('prometheus', [
      `--storage.tsdb.path=${join(folder, 'figures')}`,
      '--enable-feature=exemplar-storage',
    ])
  } catch (err) {
    await close()
    throw err
  }
  const prometheusUrl = `http://127.0.0.1:${ports.prometheus}`
  return {
    prometheusUrl,
    /** The values of an expression, by their labels. */
    async query(expr: string): Promise<{ metric: Record<string, string>; value: number }[]> {
      const answer = await request(`${prometheusUrl}/api/v1/query?query=${encodeURIComponent(expr)}`)
      const { data } = (await answer.body.json()) as {
        data: { result: { metric: Record<string, string>; value: [number, string] }[] }
      }
      return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }))
    },
    close,
  }
}

/** Minutes become seconds in every window, and five seconds in every wait. */
function shortened(rules: string): string {
  return rules
    .replaceAll(/\[(\d+)([mhd])\]/g, (_, count: string, unit: 'm' | 'h' | 'd') => {
      const seconds = Number(count) * { m: 60, h: 3_600, d: 86_400 }[unit]
      // A rate needs some scrapes to look at. What holds others back looks back for longer than they do, here as well.
      return `[${Math.max(15, seconds / 60 + 10)}s]`
    })
    .replaceAll(/^( +for: )(\d+)([sm])$/gm, (_, head: string, count: string, unit: 's' | 'm') => {
      const seconds = Number(count) * { s: 1, m: 60 }[unit]
      return `${head}${Math.ceil(seconds / 12)}s`
    })
}

async function writePrometheusConfig({ folder, pace, targets }: Options, alertmanagerPort: number) {
  const config = load(await readFile(join(source, 'prometheus.yml'), 'utf8')) as any
  if (pace === 'short') {
    Object.assign(config.global, { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' })
  }
  config.alerting.alertmanagers[0].static_configs[0].targets = [`127.0.0.1:${alertmanagerPort}`]
  const [services] = config.scrape_configs
  services.static_configs = Object.entries(targets).map(([service, target]) => ({
    targets: [target],
    labels: { service },
  }))
  config.scrape_configs = [services]
  await writeFile(join(folder, 'prometheus.yml'), dump(config))
}

/** The repository's own, with these ports in the place of Slack and the mail server. */
export async function writeAlertmanagerConfig({
  folder,
  pace,
  slackPort,
  mailPort,
}: Pick<Options, 'folder' | 'pace' | 'slackPort' | 'mailPort'>): Promise<void> {
  const config = load(await readFile(join(source, 'alertmanager.yml'), 'utf8')) as any
  const slackUrl = join(folder, 'slack-url')
  await writeFile(slackUrl, `http://127.0.0.1:${slackPort}/services/T0/B0/secret`)
  const { smtp_auth_username: _name, smtp_auth_password_file: _file, ...global } = config.global
  config.global = {
    ...global,
    slack_api_url_file: slackUrl,
    smtp_smarthost: `127.0.0.1:${mailPort}`,
    smtp_require_tls: false,
  }
  if (pace === 'short') {
    const quick = { group_wait: '1s', group_interval: '2s' }
    Object.assign(config.route, quick)
    for (const route of config.route.routes) Object.assign(route, quick)
  }
  await writeFile(join(folder, 'alertmanager.yml'), dump(config))
}
