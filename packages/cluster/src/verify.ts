import type { Cluster } from './connection.ts'
import { openGateway } from './gateway-entrance.ts'
import { buyPlant, isSandboxed } from './purchase.ts'
import { waitForRollouts } from './rollouts.ts'

/** Waits until everything is rolled out, then buys a plant through the gateway, or through `url` where one is given. */
export async function verify(
  cluster: Cluster,
  options: { limitMs: number; url: string | undefined; say: (line: string) => void },
): Promise<void> {
  const { limitMs, url, say } = options
  say('Waiting until every Deployment and Job is done')
  await waitForRollouts(cluster, { limitMs, say })
  say('✓ Every Deployment runs its newest version only, and every Job is complete.')
  const isSandbox = await isSandboxed(cluster)
  if (url !== undefined) {
    say(`✓ ${await buyPlant(url, { isSandbox })}`)
    return
  }
  const entrance = await openGateway(cluster)
  try {
    say(`✓ ${await buyPlant(entrance.url, { isSandbox })}`)
  } finally {
    await entrance.close()
  }
}
