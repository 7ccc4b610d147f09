import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withUrlParts } from '@urbanbloom/local/postgres-server'
import { seedPlantsInto } from '@urbanbloom/local/seed'
import { startDrillSystem } from '@urbanbloom/observability/drill-system'
import { createOps } from '@urbanbloom/test-kit/people'
import { rolePasswords } from '@urbanbloom/test-kit/role-passwords'
import { playServerFaults, type ServerFaultName } from './server-faults.ts'

const PAUSE_MS = 20_000
const AWAY_MS = 3_000
/** Whoever is at the bank when the day ends never approves; their orders are given up after this. */
const APPROVAL_LIMIT_MS = 60_000

export type OwnSystem = Awaited<ReturnType<typeof startOwnSystem>>

/** The whole system with a Postgres and a Redis of its own, which go with it, and plants to sell. */
export async function startOwnSystem() {
  const folder = await mkdtemp(join(tmpdir(), 'urbanbloom-simulation-'))
  const system = await startDrillSystem({
    logFolder: folder,
    env: { order: { PAYMENT_ACTION_LIMIT_MS: String(APPROVAL_LIMIT_MS) } },
  })
  const close = async () => {
    await system.close()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const role = 'inventory_service'
    await seedPlantsInto(withUrlParts(system.adminUrl, { user: role, password: rolePasswords[role] ?? '' }))
    const ops = await createOps(system)
    return {
      url: system.gatewayUrl,
      ops,
      logFolder: folder,
      adminUrl: system.adminUrl,
      /** Takes parts away and brings them back while `work` runs. */
      async withFaults<T>(
        names: readonly ServerFaultName[],
        work: () => Promise<T>,
        options: { pauseMs?: number; awayMs?: number; onTurn?: (name: ServerFaultName) => void } = {},
      ): Promise<T> {
        const { pauseMs = PAUSE_MS, awayMs = AWAY_MS, onTurn = (name) => console.log(`  ${name}`) } = options
        const stopping = new AbortController()
        const playing = playServerFaults(system, names, {
          pauseMs,
          awayMs,
          stop: stopping.signal,
          onTurn,
        })
        try {
          return await work()
        } finally {
          stopping.abort()
          await playing
        }
      },
      close,
    }
  } catch (err) {
    await close()
    throw err
  }
}
