// Measures what seeing costs: `node packages/bench/src/instrumentation.ts`. Figures and traces are switched on and off
// in turns within one process, because two processes differ by more than what is looked for.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics, type Metrics } from '@urbanbloom/service-kit/metrics'
import { createServer } from '@urbanbloom/service-kit/server'
import { startTracing } from '@urbanbloom/service-kit/tracing'
import { figure, formatTable } from './table.ts'

const { values } = parseArgs({ options: { requests: { type: 'string', default: '2000' } } })
const SLICES = 12
const TRACED = 'request, recorded trace'
/** Spans are sent every second. */
const EXPORTED_AFTER_MS = 2_000
const requests = Number(values.requests)
/** One checkout with its event trail, as `npm run bench:checkout` counts it. */
const PER_CHECKOUT = { requests: 12, statements: 55 }
/** The target of a whole checkout, in CPU-ms. */
const CHECKOUT_MS = 15
const LIMIT_SHARE = 0.03

const internalToken = 'x'.repeat(32)
const config = { port: 0, host: '127.0.0.1', logLevel: 'silent' as const, internalToken, drainDelayMs: 0 }
const sampled = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

const on = openServer(createMetrics('bench'))
const off = openServer({ ...createMetrics('bench'), observeRequest: () => undefined })
const histogram = createMetrics('bench').histogram('db_query_duration_seconds', 'x', [0.001, 0.01, 0.1, 1])
const collector = await startCollector()
const close = await startTracing('bench', { endpoint: collector.endpoint, ratio: 1 })

const costs = await leastOf({
  'request, figures off': () => ask(off),
  'request, figures on': () => ask(on),
  [TRACED]: () => ask(on, sampled),
  statement: async () => histogram.observe(0.002),
})
await close()
await Promise.all([on.close(), off.close()])
collector.stop()

const perRequest = Math.max(0, (costs['request, figures on'] ?? 0) - (costs['request, figures off'] ?? 0))
const perSpan = Math.max(0, (costs[TRACED] ?? 0) - (costs['request, figures on'] ?? 0))
const figures = PER_CHECKOUT.requests * perRequest + PER_CHECKOUT.statements * (costs.statement ?? 0)
// Each request is two spans, the caller's and the answerer's; each statement is one.
const traces = (2 * PER_CHECKOUT.requests + PER_CHECKOUT.statements) * perSpan

const rows = Object.entries(costs).map(([name, ms]) => [name, ms.toFixed(4)])
console.log(formatTable([['', 'CPU-ms'], ...rows]))
console.log(
  `\nOne checkout has about ${PER_CHECKOUT.requests} requests and ${PER_CHECKOUT.statements} statements in all services:\n` +
    `  figures            ${figure(figures)} ms, ${percent(figures / CHECKOUT_MS)} of ${CHECKOUT_MS} ms\n` +
    `  a recorded trace   ${figure(traces)} ms; at a tenth of all traces ${percent(traces / 10 / CHECKOUT_MS)}`,
)
const share = (figures + traces / 10) / CHECKOUT_MS
console.log(
  `${share < LIMIT_SHARE ? '✓' : '✗'} ${percent(share)} together, at most ${percent(LIMIT_SHARE)} wanted`,
)
process.exit(share < LIMIT_SHARE ? 0 : 1)

/** A process of its own, so that only our side of it is measured. */
async function startCollector() {
  const program = `
    const server = require('node:http').createServer((request, response) => {
      request.resume().on('end', () => response.end('{}'))
    })
    server.listen(0, '127.0.0.1', () => console.log(server.address().port))`
  const child = spawn(process.execPath, ['--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [port] = (await once(child.stdout, 'data')) as [Buffer]
  return { endpoint: `http://127.0.0.1:${port.toString().trim()}`, stop: () => child.kill() }
}

function openServer(metrics: Metrics) {
  const app = createServer({
    name: 'bench',
    config,
    log: createLog('bench', 'silent'),
    metrics,
    ready: async () => undefined,
  })
  app.get('/v1/things/:id', () => ({ name: 'Swiss Cheese Plant' }))
  return app
}

async function ask(app: ReturnType<typeof openServer>, traceparent?: string): Promise<void> {
  await app.inject({ url: '/v1/things/1', headers: traceparent === undefined ? {} : { traceparent } })
}

/** CPU-ms of each work, the least of many slices that take turns: whatever disturbs only adds. */
async function leastOf(works: Record<string, () => Promise<void>>): Promise<Record<string, number>> {
  const least: Record<string, number> = {}
  for (let slice = 0; slice < SLICES; slice += 1) {
    for (const [name, work] of Object.entries(works)) {
      const before = process.cpuUsage()
      for (let count = 0; count < requests; count += 1) await work()
      // Sending the spans belongs to recording them.
      if (name === TRACED) await delay(EXPORTED_AFTER_MS)
      const { user, system } = process.cpuUsage(before)
      least[name] = Math.min(least[name] ?? Number.POSITIVE_INFINITY, (user + system) / 1_000 / requests)
    }
  }
  return least
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`
}
