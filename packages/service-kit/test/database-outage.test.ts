import { PassThrough } from 'node:stream'
import { createTestDatabase } from '@urbanbloom/test-kit/test-database'
import { startPostgres } from '@urbanbloom/test-kit/test-servers'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { createDatabaseOutage } from '../src/database-outage.ts'
import { createDb, isDatabaseAway } from '../src/db.ts'
import { createJobs } from '../src/jobs.ts'
import { createMetrics } from '../src/metrics.ts'
import { createReadiness } from '../src/readiness.ts'
import { recurring } from '../src/recurring.ts'

type Line = { level: number; msg: string; reason?: string; err?: object }

const WARN = 40

function createLogInMemory() {
  const stream = new PassThrough({ encoding: 'utf8' })
  const lines: Line[] = []
  stream.on('data', (text: string) =>
    lines.push(
      ...text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ),
  )
  return { log: pino({ level: 'debug' }, stream), lines }
}

test('while Postgres is away one line says so and why, whatever fails, and one that it is back', {
  timeout: 90_000,
}, async () => {
  const resources = new AsyncDisposableStack()
  onTestFinished(() => resources.disposeAsync())
  const postgres = await startPostgres()
  resources.defer(() => postgres.close())
  const database = await createTestDatabase({ postgres })
  const { log, lines } = createLogInMemory()
  const metrics = createMetrics('test')
  const db = createDb({ url: database.urlFor('order'), ca: undefined, poolSize: 5 }, { log, metrics })
  resources.defer(() => db.close())
  const jobs = createJobs({ schema: 'orders_jobs', db, timeoutMs: 60_000, log, metrics })
  let done = 0
  jobs.start({ note: async () => void (done += 1) })
  resources.defer(() => jobs.stop())
  resources.defer(recurring('look', 20, () => db.query('select 1'), log))
  const runJob = async () => {
    const before = done
    await db.transaction((tx) => jobs.enqueue(tx, 'note', {}))
    await waitFor(() => done > before, { describe: 'a job is done', timeoutMs: 30_000 })
  }
  await runJob()

  await postgres.stop()
  const failures = () => lines.filter(({ msg }) => msg === 'the database failed').length
  await waitFor(() => failures() > 100, { describe: 'much has failed', timeoutMs: 30_000 })
  await postgres.start()
  await runJob()
  await waitFor(() => lines.some(({ msg }) => msg === 'the database is back'), { describe: 'it is back' })

  const told = lines.filter(({ level }) => level >= WARN)
  expect(told.filter(({ err, msg }) => err !== undefined || msg.includes('    at '))).toEqual([])
  // How long the server takes to come back decides whether a second line falls due.
  expect(told.length).toBeLessThan(4)
  expect(new Set(told.map(({ msg }) => msg))).toEqual(new Set(['the database is away']))
  const { hostname, port } = new URL(database.adminUrl)
  expect(told[0]?.reason).toContain(`${hostname}:${port}`)
  expect(lines.filter(({ msg }) => msg === 'the database is back')).toHaveLength(1)
})

test('an outage that lasts, or that comes and goes, is told ever less often', () => {
  let now = 0
  const told: string[] = []
  const note = (_fields: object, message: string) => told.push(`${now / 1_000} ${message.split(' ').at(-1)}`)
  const log = { warn: note, info: note, debug: () => undefined }
  const outage = createDatabaseOutage({ log, explain: String, now: () => now })
  for (; now <= 150_000; now += 1_000) outage.failed(new Error('no'))
  outage.answered()
  expect(told).toEqual(['0 away', '10 away', '30 away', '70 away', '150 away', '151 back'])
  expect(outage.isAway()).toBe(false)

  told.length = 0
  for (; now <= 300_000; now += 100) {
    outage.failed(new Error('no'))
    outage.answered()
  }
  expect(told).toEqual([])
  now += 61_000
  outage.failed(new Error('no'))
  expect(told).toEqual(['361.1 away'])
})

test.each([
  {
    what: 'a wrong password',
    change: (url: URL) => {
      url.password = 'not-the-password'
    },
    says: /^Postgres at \S+:\d+ refuses the password of order_service: give DATABASE_URL the one that this role has/,
  },
  {
    what: 'a role that was never made',
    change: (url: URL) => {
      url.username = 'nobody_service'
    },
    says: /^Postgres at \S+:\d+ (refuses the password of|does not let) nobody_service/,
  },
  {
    what: 'a missing database',
    change: (url: URL) => {
      url.pathname = '/nowhere'
    },
    says: /^Postgres at \S+:\d+ has no database "nowhere": create it and run the migration/,
  },
  {
    what: 'nobody listening',
    change: (url: URL) => {
      url.port = '1'
    },
    says: /^Nothing answers at \S+:1 \(ECONNREFUSED\): check that Postgres runs/,
  },
  {
    what: 'a host without an address',
    change: (url: URL) => {
      url.hostname = 'postgres.invalid'
    },
    says: /^The host postgres\.invalid has no address \((ENOTFOUND|EAI_AGAIN)\): check the host in DATABASE_URL\.$/,
  },
])('$what: the process is not ready, and says why in one sentence', async ({ change, says }) => {
  const database = await createTestDatabase()
  onTestFinished(() => database.close())
  const url = new URL(database.urlFor('order'))
  const { password } = url
  change(url)
  const reason = await reasonNotReady(url.href)
  expect(reason).toMatch(says)
  expect(reason).not.toContain('\n')
  expect(reason).not.toContain(password)
  expect(reason).not.toContain('not-the-password')
})

test('a database without our tables, and one that is behind, say that the migration has to run', async () => {
  const empty = await createTestDatabase({ migrated: false })
  onTestFinished(() => empty.close())
  expect(await reasonNotReady(empty.adminUrl)).toMatch(
    /^The database "test_\w+" at \S+ is not migrated for \w+ \(relation "migrations" does not exist\): run the migration/,
  )
  const database = await createTestDatabase()
  onTestFinished(() => database.close())
  const { log } = createLogInMemory()
  const owner = createDb(
    { url: database.adminUrl, ca: undefined, poolSize: 1 },
    { log, metrics: createMetrics('test') },
  )
  onTestFinished(() => owner.close())
  const [newest] = await owner.query<{ id: number }>(
    'delete from orders.migrations where id = (select max(id) from orders.migrations) returning id',
  )
  expect(await reasonNotReady(database.urlFor('order'))).toMatch(
    new RegExp(
      `^migration ${newest?.id} is not applied yet; the schema of order_service in "${database.name}" is at \\d+: run`,
    ),
  )
})

async function reasonNotReady(url: string): Promise<string> {
  const { log } = createLogInMemory()
  const db = createDb({ url, ca: undefined, poolSize: 1 }, { log, metrics: createMetrics('test') })
  const migrationsDirectory = new URL('../../../services/order/migrations', import.meta.url).pathname
  try {
    await createReadiness({ db, migrationsDirectory }).check()
    return 'ready'
  } catch (err) {
    return (err as Error).message
  } finally {
    await db.close()
  }
}

test('a slow statement and a pool that is used up are no outage', async () => {
  const database = await createTestDatabase()
  onTestFinished(() => database.close())
  const { log, lines } = createLogInMemory()
  const options = { url: database.urlFor('order'), ca: undefined, poolSize: 1 }
  const db = createDb(options, { log, metrics: createMetrics('test') })
  onTestFinished(() => db.close())
  const slow = await db
    .transaction(async (tx) => {
      await tx.query('set local statement_timeout = 20')
      await tx.query('select pg_sleep(5)')
    })
    .catch((err: Error) => err)
  expect(slow).toMatchObject({ code: 'database_unavailable' })
  const held = Promise.withResolvers<void>()
  const holder = db.transaction(() => held.promise)
  const waiter = await db.query('select 1').catch((err: Error) => err)
  held.resolve()
  await holder
  expect(waiter).toMatchObject({ code: 'database_unavailable' })
  expect([isDatabaseAway(slow), isDatabaseAway(waiter)]).toEqual([false, false])
  expect(lines).toEqual([])
})
