import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../src/ports.ts'
import { programNames, repository } from '../src/programs.ts'
import { portVariable } from '../src/settings.ts'

const TIME_LIMIT_MS = 10_000

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'urbanbloom-start-'))
})

afterAll(() => rm(folder, { recursive: true, force: true }))

/** Runs the program of `npm start`, or another, until it ends by itself, on ports of its own, and gives what it said. */
async function start(
  env: NodeJS.ProcessEnv,
  program = 'start',
): Promise<{ code: number | null; stderr: string; stdout: string }> {
  const ports = await Promise.all(
    [...programNames.map(portVariable), 'GATEWAY_METRICS_PORT'].map(async (name) => [
      name,
      String(await freePort()),
    ]),
  )
  const dataFolder = await mkdtemp(join(folder, 'data-'))
  const child = spawn(process.execPath, [join(repository, `packages/local/src/${program}.ts`)], {
    env: { PATH: process.env.PATH, ...Object.fromEntries(ports), DATA_FOLDER: dataFolder, ...env },
    timeout: TIME_LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].on('data', (chunk) => (said[stream] += chunk))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, ...said }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

/** A failure's sentence, if it is one: a single line on stderr, exit code 1, and nothing started before. */
function sentenceOf({ code, stderr, stdout }: Awaited<ReturnType<typeof start>>): string {
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(stdout).not.toContain('✓')
  expect(code).toBe(1)
  return stderr.trim()
}

test('a taken port is named with the variable that changes it', async () => {
  const port = await listen(createServer())
  expect(sentenceOf(await start({ ORDER_PORT: String(port) }))).toMatch(
    new RegExp(
      `^Port ${port} is taken by another program: stop that program, or set ORDER_PORT to a free port\\.$`,
    ),
  )
})

test('two programs with one port are refused', async () => {
  expect(sentenceOf(await start({ AUTH_PORT: '21999', ORDER_PORT: '21999' }))).toMatch(
    /^AUTH_PORT and ORDER_PORT are both 21999: give each its own port\.$/,
  )
})

test('a port that is none is refused', async () => {
  expect(sentenceOf(await start({ GATEWAY_PORT: '80a' }))).toMatch(
    /^GATEWAY_PORT is "80a", which is not a port: /,
  )
})

test('a missing Redis is named with the ways to get one', async () => {
  const emptyPath = await mkdtemp(join(folder, 'path-'))
  expect(sentenceOf(await start({ PATH: emptyPath }))).toMatch(
    /^There is no Redis: install redis-server .* or set REDIS_URL/,
  )
})

test('a Redis that does not answer is named without its password', async () => {
  const port = await freePort()
  const result = await start({ REDIS_URL: `redis://:hush@127.0.0.1:${port}/1` })
  expect(sentenceOf(result)).toMatch(
    new RegExp(`^The Redis at REDIS_URL \\(redis://127.0.0.1:${port}/1\\) .*ECONNREFUSED`),
  )
  expect(result.stderr).not.toContain('hush')
})

test('a database that is not there is named without its password', async () => {
  const port = await freePort()
  const result = await start({ DATABASE_URL: `postgres://admin:hush@127.0.0.1:${port}/plants` })
  expect(sentenceOf(result)).toMatch(
    new RegExp(`^The database at DATABASE_URL \\(postgres://127.0.0.1:${port}/plants\\) .*ECONNREFUSED`),
  )
  expect(result.stderr).not.toContain('hush')
})

test('a database that takes the connection and stays silent is given up in time', async () => {
  const port = await listen(createServer())
  expect(sentenceOf(await start({ DATABASE_URL: `postgres://admin@127.0.0.1:${port}/plants` }))).toMatch(
    /^The database at DATABASE_URL .* cannot be used \(.*timeout/,
  )
})

test('a folder that cannot be written is named', async () => {
  const inTheWay = join(folder, 'a-file')
  await writeFile(inTheWay, '')
  expect(sentenceOf(await start({ DATA_FOLDER: join(inTheWay, 'data') }))).toMatch(
    /^The folder .*a-file\/data cannot be written \(ENOTDIR\): make it writable/,
  )
})

test('a folder that cannot be made is named, in time', async () => {
  expect(sentenceOf(await start({ DATA_FOLDER: '/proc/x' }))).toMatch(
    /^The folder \/proc\/x cannot be written \(\w+\): make it writable/,
  )
})

test("neither a start nor a reset touches a folder with somebody else's files", async () => {
  const foreign = await mkdtemp(join(folder, 'foreign-'))
  await mkdir(join(foreign, 'logs'))
  await writeFile(join(foreign, 'doc.txt'), 'a letter')
  await writeFile(join(foreign, 'logs/keep.txt'), 'a diary')
  for (const program of ['start', 'reset']) {
    expect(sentenceOf(await start({ DATA_FOLDER: foreign }, program))).toMatch(
      /^The folder .*foreign-.* has files in it that are not UrbanBloom's, so nothing there was touched: /,
    )
  }
  expect((await readdir(foreign, { recursive: true })).toSorted()).toEqual([
    'doc.txt',
    'logs',
    'logs/keep.txt',
  ])
  expect((await stat(foreign)).mode & 0o777).toBe(0o700)
})

test('a reset deletes the folder that a start has made', async () => {
  const made = join(folder, 'made')
  // It makes the folder before it finds the ports.
  await start({ DATA_FOLDER: made, AUTH_PORT: '21999', ORDER_PORT: '21999' })
  expect(await readdir(made)).toContain('logs')
  expect(await start({ DATA_FOLDER: made }, 'reset')).toMatchObject({ code: 0, stderr: '' })
  expect(await readdir(folder)).not.toContain('made')
})

test('a Node that is too old is told so in one sentence', async () => {
  const pretence = 'data:text/javascript,Object.defineProperty(process.versions,"node",{value:"18.20.4"})'
  const bootstrap = join(repository, 'packages/local/bootstrap.mjs')
  const child = spawn(process.execPath, ['--import', pretence, bootstrap, 'start'], {
    timeout: TIME_LIMIT_MS,
  })
  let stderr = ''
  child.stderr.on('data', (chunk) => (stderr += chunk))
  const code = await new Promise((resolve) => child.once('close', resolve))
  expect(stderr).toBe(
    'UrbanBloom needs Node 20 or newer to begin, and this is 18.20.4: install a newer one.\n',
  )
  expect(code).toBe(1)
})
