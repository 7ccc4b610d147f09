// Rolls every service on this machine under load:
// `npm run drill -- [--rate 55] [--seconds 60] [--drain-ms 5000]`.
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { migrateDatabase } from '@urbanbloom/database/migrate'
import { serviceSchemas } from '@urbanbloom/database/roles'
import { runStatement, withUrlParts } from '@urbanbloom/local/postgres-server'
import { watchForStop } from '@urbanbloom/local/stop-request'
import { rolePasswords } from '@urbanbloom/test-kit/role-passwords'
import { startPostgres, startRedis } from '@urbanbloom/test-kit/test-servers'
import { runLocalDrill } from './local-drill.ts'
import { describeLoad, describeProblems, describeRolls, describeUsage } from './report.ts'
import { unitNames } from './units.ts'

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '55' },
    seconds: { type: 'string', default: '60' },
    // As in the manifests. With 0 a stopping process hangs up at once, and the drill shows what that costs.
    'drain-ms': { type: 'string', default: '5000' },
  },
})
const logFolder = await mkdtemp(join(tmpdir(), 'urbanbloom-drill-'))
// What was started is killed when this process exits, in whichever way.
watchForStop({
  onStop: () => {
    rmSync(logFolder, { recursive: true, force: true })
    process.exit(130)
  },
  onForce: () => undefined,
})

try {
  process.exitCode = await drill()
} catch (err) {
  console.error(err)
  process.exitCode = 1
}
if (process.exitCode === 0) await rm(logFolder, { recursive: true, force: true })
else console.log(`The logs of all processes are in ${logFolder}`)
process.exit()

async function drill(): Promise<number> {
  console.log('Starting Postgres and Redis')
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
  try {
    await runStatement(postgres.adminUrl, 'create database urbanbloom')
    const adminUrl = withUrlParts(postgres.adminUrl, { database: 'urbanbloom' })
    await migrateDatabase({ adminUrl, rolePasswords })
    const { load, rolls, usage, problems } = await runLocalDrill({
      adminUrl,
      databaseUrlFor: (service) => {
        const role = serviceSchemas.find((target) => target.service === service)?.role ?? service
        return withUrlParts(adminUrl, { user: role, password: rolePasswords[role] ?? '' })
      },
      redisUrl: redis.url,
      logFolder,
      ratePerSecond: Number(values.rate),
      minSeconds: Number(values.seconds),
      rolledReplicas: 2,
      scaledUnits: unitNames,
      scaledDownMs: 3_000,
      spreadLimitMs: 45_000,
      restMs: 15_000,
      steadyMs: 30_000,
      // As in the manifests.
      preStopMs: 5_000,
      drainDelayMs: Number(values['drain-ms']),
      // The manifests' probes come every 2 s; here the process is told to stop before its balancer knows.
      probeEveryMs: 1_000,
      say: console.log,
    })
    console.log(`\n${describeRolls(rolls)}\n\n${describeLoad(load)}\n\n${describeUsage(usage)}`)
    console.log(
      `Load of the machine: ${loadavg()
        .map((value) => value.toFixed(1))
        .join(', ')} (1, 5, 15 minutes)\n`,
    )
    if (problems.length > 0) console.log(describeProblems(problems))
    else
      console.log('✓ no request failed, no order was lost or doubled, no event was missed, the books balance')
    return problems.length === 0 ? 0 : 1
  } finally {
    await Promise.all([postgres.close(), redis.close()])
  }
}
