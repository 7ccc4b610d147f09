import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../src/ports.ts'
import { chooseClusterFolder } from '../src/postgres-cluster.ts'
import { runStatement, startPostgresServer } from '../src/postgres-server.ts'
import { isRoot } from '../src/system-user.ts'

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'urbanbloom-postgres-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755)
  return folder
}

async function startOn(folder: string) {
  const server = await startPostgresServer({
    folder,
    port: await freePort(),
    password: 'only/here?',
    logFile: join(folder, 'postgres.log'),
    settings: { fsync: 'off' },
  })
  onTestFinished(() => server.child.signal('SIGKILL'))
  return server
}

test('a server that a killed supervisor left behind is stopped in good order, and its data is found again', async () => {
  const folder = await newFolder()
  const left = await startOn(folder)
  await runStatement(left.adminUrl, 'create table kept as select 42 as answer')
  const next = await startOn(folder)
  expect(await left.child.exited).toEqual({ code: 0, signal: null })
  expect(await runStatement(next.adminUrl, 'select answer from kept')).toEqual([{ answer: 42 }])

  await next.child.stop(10_000)
  // The number in the file belongs to this test by now, as it may after a reboot.
  await writeFile(join(folder, 'data/postmaster.pid'), `${process.pid}\n${folder}/data\n`)
  const third = await startOn(folder)
  expect(await runStatement(third.adminUrl, 'select answer from kept')).toEqual([{ answer: 42 }])
  await third.child.stop(10_000)
})

test('says why Postgres does not start', async () => {
  const folder = await newFolder()
  await mkdir(join(folder, 'data'))
  await expect(startOn(folder)).rejects.toThrow(/Postgres does not start: it ended; its last lines/)
  expect(await readFile(join(folder, 'postgres.log'), 'utf8')).not.toBe('')
})

test.runIf(isRoot)('as root, a private folder is left for one that Postgres’s user can reach', async () => {
  const folder = await newFolder()
  expect(await chooseClusterFolder(join(folder, '.data'))).toBe(join(folder, '.data/postgres'))
  await chmod(folder, 0o700)
  expect(await chooseClusterFolder(join(folder, '.data'))).toMatch(
    /^\/var\/lib\/urbanbloom\/data-[0-9a-f]{12}$/,
  )
})
