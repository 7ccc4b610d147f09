import { runUnderLoad } from '@urbanbloom/drill/load'
import { createPopulation, createVisitors, type Population } from '@urbanbloom/drill/population'
import { describeLoad, describeProblems, table } from '@urbanbloom/drill/report'
import { Failure } from '@urbanbloom/local/failure'
import { accounts, PASSWORD } from '@urbanbloom/local/seed-data'
import { request } from '@urbanbloom/test-kit/http'
import type { Cluster } from './connection.ts'
import { type Disruption, disrupt } from './disruptions.ts'
import { openGateway } from './gateway-entrance.ts'
import { isSandboxed } from './purchase.ts'
import { waitForRollouts } from './rollouts.ts'

type Options = {
  limitMs: number
  ratePerSecond: number
  /** The entrance; the gateway's pods through the API server unless given. */
  url: string | undefined
  say: (line: string) => void
}

/**
 * Restarts, deletes, scales and drains under constant load.
 * @returns whether no request failed and nothing was lost.
 */
export async function runClusterDrill(cluster: Cluster, options: Options): Promise<boolean> {
  const { limitMs, ratePerSecond, url, say } = options
  await waitForRollouts(cluster, { limitMs, say })
  const entrance = url === undefined ? await openGateway(cluster) : undefined
  try {
    const population = await populate(cluster, url ?? (entrance?.url as string), say)
    let disruptions: Disruption[] = []
    say(`${ratePerSecond} requests/s from here on`)
    const load = await runUnderLoad(population, {
      ratePerSecond,
      minSeconds: 0,
      work: async () => {
        disruptions = await disrupt(cluster, { limitMs, say })
      },
    })
    const problems = [
      ...load.problems,
      ...(entrance?.refused ?? []).map((refused) => `a connection was lost: ${refused}`),
    ]
    const rows = disruptions.map(({ what, seconds }) => [what, `${seconds.toFixed(0)} s`])
    say(`\n${table([['done', 'whole again after'], ...rows])}\n\n${describeLoad(load)}\n`)
    say(
      problems.length === 0
        ? '✓ no request failed and no order was lost or doubled'
        : describeProblems(problems),
    )
    return problems.length === 0
  } finally {
    await entrance?.close()
  }
}

/** Where cards are the sandbox's, ops, a driver and buyers take part; elsewhere visitors only look. */
async function populate(
  cluster: Cluster,
  gatewayUrl: string,
  say: (line: string) => void,
): Promise<Population> {
  if (!(await isSandboxed(cluster))) {
    say('Cards are real here: visitors register and look, and nobody buys, drives or dispatches.')
    return createVisitors(gatewayUrl)
  }
  const { id, email } = accounts.ops
  const body = { email, password: PASSWORD }
  const login = await request('POST', `${gatewayUrl}/v1/auth/login`, { body })
  if (login.status !== 200) {
    throw new Failure(
      `${email} cannot log in (${login.status} ${login.body?.code ?? ''}): has the Job "seed" run in this namespace?`,
    )
  }
  const { accessToken: token, refreshToken } = login.body
  say('Making customers, plants, a hub and a route for the drill')
  return createPopulation(gatewayUrl, { id, email, password: PASSWORD, token, refreshToken })
}
