import { seedPlantsInto, seedThrough } from '@urbanbloom/local/seed'
import { startSystem } from '@urbanbloom/test-kit/system'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { expect, test } from 'vitest'
import { type State, startFakeCluster } from './fake-cluster.ts'
import { runCluster, startCluster } from './run-cluster.ts'
import { deployment, healthyState } from './workload-builders.ts'

/** The cluster is a fake, what is behind its forwarded port is the real system. */
test('verify buys a plant through a forwarded port, and drill restarts, deletes, scales and drains under load', {
  timeout: 180_000,
}, async () => {
  await using system = await startSystem()
  await seedPlantsInto(system.database.urlFor('inventory'))
  await seedThrough({ ...system, authUrl: system.urlOf('auth') })

  const state = healthyState(['gateway', 'order', 'payment', 'payment-sandbox'])
  const env = [{ name: 'STRIPE_IS_SANDBOX', value: 'true' }]
  state.deployments[2] = deployment(
    'payment',
    {},
    { template: { spec: { containers: [{ name: 'service', env }] } } },
  )
  state.deployments[3] = deployment('payment-sandbox', {}, { strategy: { type: 'Recreate' } })
  state.gatewayPort = Number(new URL(system.gatewayUrl).port)
  state.evictionsToRefuse = 1
  const { kubeconfig } = await startFakeCluster(state)

  const verified = await runCluster(kubeconfig, 'verify')
  expect(verified).toMatchObject({
    code: 0,
    output: expect.stringMatching(/✓ Bought .+ for \d+ cents as \S+/),
  })
  expect(state.changes).toEqual([])

  const drilled = await runCluster(kubeconfig, 'drill')
  expect(drilled).toMatchObject({ code: 0, output: expect.stringContaining('✓ no request failed') })
  expect(drilled.output).toMatch(/checkout +\d+ +0 /)
  const done = (pattern: RegExp) => state.changes.filter((change) => pattern.test(change))
  expect(done(/^PATCH .*\/deployments\/[\w-]+$/)).toEqual(
    ['gateway', 'order', 'payment'].map((name) => `PATCH /namespaces/urbanbloom/deployments/${name}`),
  )
  expect(done(/^DELETE .*\/pods\//)).toHaveLength(3)
  // One up and one down for each, after which all is as it was.
  expect(done(/\/scale$/)).toHaveLength(6)
  expect(state.deployments.map(({ spec }) => spec?.replicas)).toEqual([2, 2, 2, 2])
  // The first eviction was refused by the budget and asked for again; the sandbox, of which only one may be, stayed.
  expect(done(/\/eviction$/).length).toBeGreaterThan(1)
  expect(done(/payment-sandbox/)).toEqual([])
  expect(done(/\/nodes\//)).toHaveLength(2)
  expect(areOpen(state)).toBe(true)

  // Broken off while a budget never allows the eviction, it leaves no closed node behind.
  state.evictionsToRefuse = Number.POSITIVE_INFINITY
  const hanging = startCluster(kubeconfig, 'drill')
  await waitFor(() => !areOpen(state), { describe: 'a node is closed', timeoutMs: 60_000 })
  hanging.signal('SIGINT')
  expect((await hanging.ended).code).toBe(130)
  expect(areOpen(state)).toBe(true)
})

test('where cards are real, verify registers and looks, and says that it bought nothing', async () => {
  await using system = await startSystem()
  await seedPlantsInto(system.database.urlFor('inventory'))
  await seedThrough({ ...system, authUrl: system.urlOf('auth') })
  const state = healthyState(['gateway', 'payment'])
  state.gatewayPort = Number(new URL(system.gatewayUrl).port)
  const { kubeconfig } = await startFakeCluster(state, { context: 'production' })
  expect(await runCluster(kubeconfig, 'verify', '--yes')).toMatchObject({
    code: 0,
    output: expect.stringContaining('Nothing was bought, because cards are real here.'),
  })
})

function areOpen({ nodes }: State): boolean {
  return nodes.every(({ spec }) => spec?.unschedulable !== true)
}
