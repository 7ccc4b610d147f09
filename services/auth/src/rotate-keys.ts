import { ConfigError } from '@urbanbloom/service-kit/config'
import { createDb } from '@urbanbloom/service-kit/db'
import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import { readKeyConfig } from './config.ts'
import { rotateSigningKeys } from './key-rotation.ts'

// Run by hand, it replaces the active signing key now. Running services notice within SIGNING_KEY_CHECK_MS; tokens
// signed with the old key stay good until they expire.
try {
  const config = readKeyConfig(process.env)
  const db = createDb(config.database, {
    log: createLog('auth', 'warn'),
    metrics: createMetrics('auth'),
  })
  try {
    const kid = await rotateSigningKeys(db, { secret: config.secret, ageMs: 0 })
    const line = kid === null ? 'Another process rotated the keys at this moment' : `The key ${kid} signs now`
    process.stdout.write(`${line}\n`)
  } finally {
    await db.close()
  }
} catch (err) {
  process.stderr.write(`${err instanceof ConfigError || err instanceof Error ? err.message : String(err)}\n`)
  process.exitCode = 1
}
