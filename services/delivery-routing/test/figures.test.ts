import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type Server } from 'node:tls'
import { promisify } from 'node:util'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { measureDay } from '../src/delivery-metrics.ts'
import { measurePublicCertificate } from '../src/public-certificate-metrics.ts'
import { createDay, createDayWorld, date } from './day-world.ts'
import { expecting, type World } from './world.ts'

const run = promisify(execFile)
let world: World
beforeAll(async () => {
  ;({ world } = await createDayWorld())
})
afterAll(() => world.close())

/** The values of a figure by its labels, as a scrape finds them. */
async function figures(text: Promise<string>, name: string): Promise<Record<string, number>> {
  const rows = (await text).matchAll(new RegExp(`^${name}\\{(.*)\\} (\\S+)$`, 'gm'))
  return Object.fromEntries([...rows].map(([, labels = '', value]) => [labels, Number(value)]))
}
const scraped = async () => (await world.call('GET', '/metrics')).body as string
const exposed = async (metrics: ReturnType<typeof createMetrics>) => (await metrics.expose(undefined)).text

async function planAs(hubId: string, more: object) {
  const { id } = await expecting(202, world.asOps('POST', '/v1/dispatch/plans', { hubId, date, ...more }))
  await waitFor(
    async () => (await expecting(200, world.asOps('GET', `/v1/dispatch/plans/${id}`))).status === 'done',
    { describe: 'the plan to end' },
  )
  return id as string
}

describe('plans in figures', () => {
  it('begin at none, so that the first plan of a process is an increase', async () => {
    expect(await figures(scraped(), 'plan_stops_total')).toEqual({
      'outcome="planned",service="delivery-routing"': 0,
      'outcome="unassigned",service="delivery-routing"': 0,
    })
    const punctuality = await figures(scraped(), 'stop_punctuality_total')
    expect(Object.values(punctuality)).toEqual([0, 0, 0])
  })

  it('count when they are in force: what a draft would leave out is not left out', async () => {
    const day = await createDay(world, { crews: 1 })
    await day.order(1)
    await planAs(day.hub.id, { draft: true })
    const planned = async () =>
      (await figures(scraped(), 'plan_stops_total'))['outcome="planned",service="delivery-routing"']
    expect(await planned()).toBe(0)
    await planAs(day.hub.id, {})
    expect(await planned()).toBe(1)
  })

  it('make a day ready when they are published, not when they are drawn up', async () => {
    const day = await createDay(world, { crews: 1 })
    const { orderId } = await day.order(1)
    const id = await planAs(day.hub.id, { draft: true })
    await makeItNow(day.hub.id, orderId)
    expect(await daysWithoutPlan()).toBe(1)
    await world.db.query('update plans set is_draft = false, published_at = now() where id = $1', [id])
    expect(await daysWithoutPlan()).toBe(0)
  })
})

/** It is about noon at the hub, the shift has begun, and the order's window begins in an hour. */
async function makeItNow(hubId: string, orderId: string): Promise<void> {
  const hoursToNoon = 12 - new Date().getUTCHours()
  // POSIX counts the hours west of Greenwich.
  const zone = `Etc/GMT${hoursToNoon <= 0 ? '+' : '-'}${Math.abs(hoursToNoon)}`
  await world.db.query('update hubs set time_zone = $2 where id = $1', [hubId, zone])
  await world.db.query(
    `update shifts set during = tstzrange(now() - interval '1 minute', now() + interval '5 hours') where hub_id = $1`,
    [hubId],
  )
  await world.db.query(
    `update delivery_windows set starts_at = now() + interval '1 hour', ends_at = now() + interval '3 hours'
     where id = (select window_id from deliveries where order_id = $1)`,
    [orderId],
  )
  await world.db.query('update plans set local_date = (now() at time zone $2)::date where hub_id = $1', [
    hubId,
    zone,
  ])
}

async function daysWithoutPlan(): Promise<number | undefined> {
  const metrics = createMetrics('test')
  measureDay(world.db, metrics)
  const read = () => figures(exposed(metrics), 'delivery_days_without_plan')
  const reading = await waitFor(
    async () => {
      const value = (await read())['service="test"']
      return value === undefined ? null : { value }
    },
    { describe: 'a reading' },
  )
  return reading.value
}

describe('the certificate at the public address', () => {
  const series = 'certificate="public_address",service="test"'
  const expiry = 'tls_server_certificate_expiry_timestamp_seconds'
  const seen = 'tls_server_certificate_seen'
  const watch = (url: string) => {
    const metrics = createMetrics('test')
    measurePublicCertificate(url, metrics, { everyMs: 0 })
    return (name: string) => figures(exposed(metrics), name)
  }

  it('is told by the day it expires, also when nobody trusts it, and that it is not seen when it is gone', async () => {
    const { server, port, expiresAt } = await serveCertificate()
    const read = watch(`https://localhost:${port}/shop`)
    const first = await waitFor(
      async () => {
        const found = await read(expiry)
        return series in found ? found : null
      },
      { describe: 'the certificate is read' },
    )
    expect(first).toEqual({ [series]: expiresAt })
    expect(await read(seen)).toEqual({ [series]: 1 })
    server.close()
    await waitFor(async () => (await read(seen))[series] === 0, { describe: 'it is not seen any more' })
    expect(await read(expiry)).toEqual({})
  })

  it('is nothing to watch without TLS', async () => {
    expect(await watch('http://localhost:8080')(seen)).toEqual({})
  })
})

/** A server that shows a certificate which it has signed itself, for ten days. */
async function serveCertificate(): Promise<{ server: Server; port: number; expiresAt: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'urbanbloom-certificate-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await run('openssl', [...request, '-days', '10', '-subj', '/CN=localhost', '-keyout', key, '-out', cert])
  const pem = await readFile(cert, 'utf8')
  const server = createServer({ key: await readFile(key, 'utf8'), cert: pem }).listen(0, 'localhost')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { server, port, expiresAt: Date.parse(new X509Certificate(pem).validTo) / 1000 }
}
