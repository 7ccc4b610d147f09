import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { type Pace, startAlertingStack } from './alerting-stack.ts'
import { type DrillSystem, startDrillSystem } from './drill-system.ts'
import type { Fault } from './faults.ts'
import type { PrometheusPrograms } from './prometheus-programs.ts'
import { type Mail, type Sink, type SlackMessage, startMailSink, startSlackSink } from './sinks.ts'
import { type Shop, startTraffic } from './traffic.ts'

/** Seconds from the fault to the messages, and from its repair to the messages that it is over. */
export type FaultReport = {
  name: string
  alert: string
  slackSeconds: number
  mailSeconds: number
  resolvedSeconds: number
  /** Alerts that were sent although this fault's alert holds them back. */
  leaked: string[]
}

type Options = {
  folder: string
  programs: PrometheusPrograms
  pace: Pace
  /** One after the other. The faults of a round come at the same time, so they must not hide each other. */
  rounds: readonly (readonly Fault[])[]
  say: (line: string) => void
}

/** How long victims may report, after the fault and after its repair: at the real pace the longest of their waits. */
const VICTIMS_MS = { short: 12_000, real: 400_000 } as const

type Drill = {
  system: DrillSystem
  shop: Shop
  slack: Sink<SlackMessage>
  mail: Sink<Mail>
  limitMs: number
  victimsMs: number
  say: (line: string) => void
}

/**
 * Breaks a running system, one fault after the other, and follows each alert from the fault to both inboxes and back.
 * @throws when a message does not come within a minute and a half, or ten minutes at the real pace.
 */
export async function runAlertDrill(options: Options): Promise<FaultReport[]> {
  const { folder, programs, pace, rounds, say } = options
  await using resources = new AsyncDisposableStack()
  const [slack, mail] = await Promise.all([startSlackSink(), startMailSink()])
  resources.defer(async () => void (await Promise.all([slack.close(), mail.close()])))
  say('Starting Postgres, Redis, the services, Prometheus and Alertmanager')
  const system = await startDrillSystem({ logFolder: join(folder, 'logs') })
  resources.defer(() => system.close())
  await mkdir(join(folder, 'alerting'), { recursive: true })
  const stack = await startAlertingStack({
    folder: join(folder, 'alerting'),
    programs,
    pace,
    targets: system.targets,
    slackPort: slack.port,
    mailPort: mail.port,
  })
  resources.defer(() => stack.close())
  const traffic = await startTraffic(system)
  resources.defer(() => traffic.stop())
  await waitFor(async () => (await stack.query('sum(up)'))[0]?.value === Object.keys(system.targets).length, {
    describe: 'Prometheus has read the figures of every service',
    timeoutMs: 60_000,
  })
  const limitMs = pace === 'real' ? 600_000 : 90_000
  const drill: Drill = { system, shop: traffic.shop, slack, mail, limitMs, victimsMs: VICTIMS_MS[pace], say }
  const reports: FaultReport[] = []
  for (const round of rounds) {
    reports.push(...(await Promise.all(round.map((fault) => tryFault(drill, fault)))))
  }
  return reports
}

async function tryFault(drill: Drill, fault: Fault): Promise<FaultReport> {
  const { system, shop, slack, mail, limitMs, victimsMs, say } = drill
  const before = { slack: slack.received.length, mail: mail.received.length }
  const seconds = (from: number) => Math.round((performance.now() - from) / 100) / 10
  const slackTexts = () => slack.received.slice(before.slack).map(({ text }) => text)
  const mailTexts = () => mail.received.slice(before.mail).map(({ text }) => text)
  const arrive = (describe: string, condition: () => boolean) =>
    waitFor(condition, { describe: `${fault.name}: ${describe}`, timeoutMs: limitMs })

  say(`${fault.name}: broken`)
  const brokenAt = performance.now()
  await fault.inject(system, shop)
  const firing = `*${fault.alert}* ${fault.words}`
  const isFiring = (text: string) =>
    text.includes(`: ${firing}`) && !text.includes(`:white_check_mark: ${firing}`)
  const [slackSeconds, mailSeconds] = await Promise.all([
    arrive('Slack is told', () => slackTexts().some(isFiring)).then(() => seconds(brokenAt)),
    arrive('the mail comes', () =>
      mailTexts().some((text) =>
        new RegExp(`${fault.alert} \\(\\w+, firing\\)\\s+${fault.words}`).test(text),
      ),
    ).then(() => seconds(brokenAt)),
  ])
  say(`${fault.name}: ${fault.alert} in Slack after ${slackSeconds} s, by mail after ${mailSeconds} s`)
  // Victims report later than the cause, so they get their time.
  if (fault.heldBack !== undefined) await delay(victimsMs)

  await fault.repair(system, shop)
  const repairedAt = performance.now()
  await Promise.all([
    arrive('Slack is told that it is over', () =>
      slackTexts().some((text) => text.includes(`:white_check_mark: ${firing}`)),
    ),
    arrive('the mail comes that it is over', () =>
      mailTexts().some((text) =>
        new RegExp(`${fault.alert} \\(\\w+, resolved\\)\\s+${fault.words}`).test(text),
      ),
    ),
  ])
  const resolvedSeconds = seconds(repairedAt)
  say(`${fault.name}: over ${resolvedSeconds} s after the repair`)
  // They look back for longer than the cause lasts, too.
  if (fault.heldBack !== undefined) await delay(victimsMs)
  const told = slackTexts().join('\n')
  const leaked = (fault.heldBack ?? []).filter((alert) =>
    new RegExp(`(?<!white_check_mark): \\*${alert}\\*`).test(told),
  )
  return { name: fault.name, alert: fault.alert, slackSeconds, mailSeconds, resolvedSeconds, leaked }
}
