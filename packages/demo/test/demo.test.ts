import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { runStatement } from '@urbanbloom/local/postgres-server'
import { programNames } from '@urbanbloom/local/programs'
import { generateSecrets } from '@urbanbloom/local/secrets'
import { seedPeopleAndFleet, seedPlants } from '@urbanbloom/local/seed'
import type { Deployment, Ports } from '@urbanbloom/local/service-environment'
import { request } from '@urbanbloom/test-kit/http'
import { startSystem } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)

let system: Awaited<ReturnType<typeof startSystem>>

beforeAll(async () => {
  system = await startSystem()
  const ports = Object.fromEntries(
    programNames.map((name) => [name, Number(new URL(system.urlOf(name)).port)]),
  )
  const deployment: Deployment = {
    ports: ports as Ports,
    databaseUrlFor: system.database.urlFor,
    redisUrl: system.redisUrl,
    secrets: { ...generateSecrets(), internalToken: system.internalToken },
    logLevel: 'info',
    objectsFolder: '/unused',
  }
  await seedPlants(deployment)
  await seedPeopleAndFleet(deployment, new AbortController().signal)
})
afterAll(() => system.close())

function tellStory(url: string): Promise<{ stdout: string }> {
  const demo = join(import.meta.dirname, '../src/demo.ts')
  return run(process.execPath, [demo], {
    env: { PATH: process.env.PATH, URBANBLOOM_URL: url },
    timeout: 60_000,
  })
}

test('the story ends well, and again on the same day', async () => {
  for (let telling = 1; telling <= 2; telling += 1) {
    const { stdout } = await tellStory(system.gatewayUrl)
    expect(stdout).toContain('Idempotency-Replayed: true')
    expect(stdout).toContain('402 payment_declined')
    expect(stdout).toMatch(/✓ UB-\d+: bought once, driven, delivered, paid, and the books balance\.\n$/)
  }
})

test('a plant of which too few are left is passed over', async () => {
  const path = '/v1/products?light=low&petSafe=true&inStock=true&sort=price&limit=1'
  const { body } = await request('GET', `${system.gatewayUrl}${path}`)
  const [{ id }] = body.items
  // Enough for one of the two orders of the story.
  await runStatement(
    system.database.adminUrl,
    `update inventory.stock_levels set on_hand = reserved + 3 where product_id = '${id}'`,
  )
  const left = async () =>
    (await request('GET', `${system.gatewayUrl}/v1/products/${id}`)).body.availableQuantity
  await waitFor(async () => (await left()) === 3, { describe: 'the catalog shows the stock' })
  const { stdout } = await tellStory(system.gatewayUrl)
  expect(stdout).toMatch(/the books balance\.\n$/)
  expect(await left()).toBe(3)
})

test('ops sends another van when no shift has room, as after days without a restart', async () => {
  await runStatement(
    system.database.adminUrl,
    `update delivery.shifts
     set during = tstzrange(lower(during) - interval '30 days', upper(during) - interval '30 days')`,
  )
  const { stdout } = await tellStory(system.gatewayUrl)
  expect(stdout).toContain('so ops sends another van')
  expect(stdout).toMatch(/the books balance\.\n$/)
})

test('without a system it says in one sentence what to do', async () => {
  await expect(tellStory('http://127.0.0.1:9')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^\n✗ UrbanBloom does not answer at http:\/\/127\.0\.0\.1:9: run "npm start"[^\n]*\n$/,
    ),
  })
})
