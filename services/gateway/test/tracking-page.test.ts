import { existsSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { send, startGateway, startService } from './start-gateway.ts'

/** The system's own browser; this repository brings none. */
const executablePath = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
].find((file) => file !== undefined && existsSync(file))

const token = 'a-token-that-nobody-guesses'
const onTheWay = {
  status: 'out_for_delivery',
  window: { start: '2026-06-10T18:00:00.000Z', end: '2026-06-10T20:00:00.000Z' },
  eta: { start: '2026-06-10T18:20:00.000Z', end: '2026-06-10T18:55:00.000Z' },
  stopsAhead: 3,
  driverPosition: null as object | null,
  map: {
    hub: { latitude: 33.7573, longitude: -84.3521 },
    destination: { latitude: 33.771, longitude: -84.366 },
  } as object | null,
  timeZone: 'America/New_York',
  deliveredAt: null as string | null,
  hasPhoto: false,
  updatedAt: new Date().toISOString(),
}
const isNext = {
  ...onTheWay,
  stopsAhead: 0,
  eta: { start: '2026-06-10T18:20:00.000Z', end: '2026-06-10T18:30:00.000Z' },
  driverPosition: { latitude: 33.766, longitude: -84.357, recordedAt: new Date().toISOString() },
}
const delivered = {
  ...onTheWay,
  status: 'delivered',
  eta: null,
  stopsAhead: null,
  map: null,
  deliveredAt: '2026-06-10T18:24:00.000Z',
  hasPhoto: true,
}
/** A green square. */
const photo = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkaPj/HwAEhAJ/wlseKgAAAABJRU5ErkJggg==',
  'base64',
)

/** A stand-in for delivery-routing: the state of one link, and a stream that says it again when it changes. */
async function startTracking() {
  let state: object | null = onTheWay
  const streams = new Set<ServerResponse>()
  const eventOf = () => `event: tracking\ndata: ${JSON.stringify(state)}\n\n`
  const service = await startService((request, response) => {
    if (state === null || !request.url?.startsWith(`/v1/tracking/${token}`)) {
      response.writeHead(404, { 'content-type': 'application/problem+json' }).end('{}')
    } else if (request.url.endsWith('/photo')) {
      response.writeHead(200, { 'content-type': 'image/png' }).end(photo)
    } else if (request.url.endsWith('/events')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(eventOf())
      streams.add(response)
      response.on('close', () => streams.delete(response))
    } else {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(state))
    }
  })
  const gateway = await startGateway({ DELIVERY_ROUTING_URL: service.url })
  return {
    url: gateway.url,
    become(next: object | null) {
      state = next
      for (const stream of streams) {
        if (state === null) stream.end()
        else stream.write(eventOf())
      }
    },
    isFollowed: () => streams.size > 0,
  }
}

if (executablePath === undefined) {
  console.warn(
    'The tracking page is not tested: there is no Chromium here. Install one or set CHROMIUM_PATH.',
  )
}

describe.skipIf(executablePath === undefined)('the tracking page, in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    const args = ['--no-sandbox', '--disable-gpu']
    browser = await chromium.launch({ ...(executablePath !== undefined && { executablePath }), args })
  }, 60_000)
  afterAll(() => browser.close())

  /** A page on a phone, which fails the test for any error and for any request to somebody else. */
  async function open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({
      viewport: { width: 390, height: 844 },
      deviceScaleFactor: 2,
      locale: 'en-US',
      ...options,
    })
    const page = await context.newPage()
    const problems: string[] = []
    page.on('pageerror', (err) => problems.push(String(err)))
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('404')) problems.push(message.text())
    })
    page.on('request', (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith('data:')) problems.push(request.url())
    })
    onTestFinished(async () => {
      await context.close()
      expect(problems).toEqual([])
    })
    await page.goto(`${url}/track/${token}`)
    return page
  }
  const headline = (page: Page) => page.textContent('#headline')
  const reads = (page: Page, text: string | RegExp) =>
    waitFor(async () => ((await page.textContent('body')) ?? '').match(text), {
      describe: `the page to say ${text}`,
    })
  const picture = async (page: Page, name: string) => {
    const folder = process.env.SCREENSHOTS
    if (folder !== undefined) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
  }

  test('shows when the plants come, how many stops are before, and the van once it is next', async () => {
    const tracking = await startTracking()
    const page = await open(tracking.url)
    await reads(page, '3 stops before you')
    expect(await headline(page)).toMatch(/^2:20\s–\s2:55\sPM$/)
    expect(await page.isVisible('#van')).toBe(false)
    await picture(page, 'on-the-way')

    await waitFor(() => tracking.isFollowed(), { describe: 'the page to follow' })
    tracking.become(isNext)
    await reads(page, 'You are next')
    expect(await headline(page)).toMatch(/^2:20\s–\s2:30\sPM$/)
    await page.waitForSelector('#van', { state: 'visible' })
    await reads(page, 'The van is about 0.6 miles from you')
    expect(await page.textContent('#window')).toMatch(/^Wed, Jun 10, 2\s–\s4\sPM$/)
    const height = await page.evaluate('document.documentElement.scrollHeight')
    expect(height).toBe(844)
    expect(await page.getAttribute('[aria-current=step]', 'data-step')).toBe('out_for_delivery')
    await page.waitForTimeout(process.env.SCREENSHOTS === undefined ? 0 : 1_800)
    await picture(page, 'next')

    tracking.become(delivered)
    await reads(page, /Here since 2:24\sPM/)
    await page.waitForSelector('#photo-image', { state: 'visible' })
    expect(await page.isVisible('#map')).toBe(false)
    await picture(page, 'delivered')
    expect(await page.textContent('#detail')).toContain('Unpack them')

    tracking.become({ ...delivered, undeliveredParcels: 2 })
    await reads(page, 'Delivered in part')
    await reads(page, '2 parcels are missing')
    tracking.become({ ...delivered, undeliveredParcels: 1 })
    await reads(page, 'One parcel is missing')
  })

  test('fits a small phone, in the dark and without motion, and has no empty names', async () => {
    const tracking = await startTracking()
    tracking.become(isNext)
    const viewport = { width: 320, height: 568 }
    const page = await open(tracking.url, { viewport, colorScheme: 'dark', reducedMotion: 'reduce' })
    await reads(page, 'You are next')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    const van = await page.evaluate("getComputedStyle(document.querySelector('#van')).transitionDuration")
    expect(van).toBe('0s')
    const pulse = await page.evaluate("getComputedStyle(document.querySelector('.pulse')).animationName")
    expect(pulse).toBe('none')
    const tree = await page.locator('body').ariaSnapshot()
    expect(tree).toContain('heading')
    expect(tree).toMatch(/img "Map with our hub, your place/)
    await picture(page, 'dark-small')
    await page.setViewportSize({ width: 390, height: 844 })
    await picture(page, 'dark')
  })

  test('says that a link has ended, also while it is looked at', async () => {
    const tracking = await startTracking()
    const page = await open(tracking.url)
    await reads(page, '3 stops before you')
    await waitFor(() => tracking.isFollowed(), { describe: 'the page to follow' })
    tracking.become(null)
    await reads(page, 'This link has ended')
    expect(await page.isVisible('#map')).toBe(false)
    await picture(page, 'ended')
  })
})

test('the page is the same for every link, holds no token and lets nothing else run', async () => {
  const { url } = await startGateway({})
  const page = await send(`${url}/track/${token}`)
  expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
  expect(page.text).not.toContain(token)
  expect((await send(`${url}/track/another`)).text).toBe(page.text)
  const policy = String(page.headers['content-security-policy'])
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toMatch(/unsafe|\*|https?:/)
  expect(page.headers['referrer-policy']).toBe('no-referrer')
  expect(page.text).not.toMatch(/ style=| on\w+=|https?:\/\//)

  const etag = String(page.headers.etag)
  const again = await send(`${url}/track/${token}`, { headers: { 'if-none-match': etag } })
  expect([again.status, again.text]).toEqual([304, ''])
  for (const [file, type] of [
    ['track.js', 'text/javascript; charset=utf-8'],
    ['track.css', 'text/css; charset=utf-8'],
  ]) {
    const asset = await send(`${url}/track/assets/${file}`)
    expect([asset.status, asset.headers['content-type']]).toEqual([200, type])
  }
  expect((await send(`${url}/track/assets/..%2f..%2fpackage.json`)).status).toBe(404)
  expect((await send(`${url}/track`)).status).toBe(404)
})
