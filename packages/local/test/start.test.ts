import { execFile, spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { freePort } from '../src/ports.ts'
import { commandLineOf } from '../src/process-identity.ts'
import { programNames, repository } from '../src/programs.ts'
import { portVariable } from '../src/settings.ts'

const shell = promisify(execFile)

/** A first start on a machine that is busy with other tests. */
const READY_LIMIT_MS = 120_000
const STOP_LIMIT_MS = 30_000

let folder: string
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'urbanbloom-start-'))
  await chmod(folder, 0o755)
  const ports = await Promise.all(
    [...programNames.map(portVariable), 'GATEWAY_METRICS_PORT'].map(async (name) => [
      name,
      String(await freePort()),
    ]),
  )
  env = { PATH: process.env.PATH, ...Object.fromEntries(ports), DATA_FOLDER: join(folder, 'data') }
})

afterAll(() => rm(folder, { recursive: true, force: true }))

type Remembered = { name: string; pid: number }

/** `npm start`'s program, up to the moment when it says that everything is ready. */
async function start() {
  const child = spawn(process.execPath, [join(repository, 'packages/local/src/start.ts')], { env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  onTestFinished(async () => {
    child.kill('SIGINT')
    await ended
  }, STOP_LIMIT_MS)
  const isReady = () => output.includes('UrbanBloom is ready.')
  await vi
    .waitUntil(() => isReady() || child.exitCode !== null, { timeout: READY_LIMIT_MS })
    .catch(() => child.kill('SIGKILL'))
  if (!isReady()) throw new Error(`It did not become ready:\n${output}`)
  const running = JSON.parse(await readFile(join(folder, 'data/running.json'), 'utf8'))
  const children: Remembered[] = running.children
  return { child, ended, children, output: () => output }
}

async function stillAlive(children: readonly Remembered[]): Promise<string[]> {
  const alive = await Promise.all(
    children.map(async ({ name, pid }) => ((await commandLineOf(pid)) === undefined ? [] : [name])),
  )
  return alive.flat()
}

test('starts everything, shows commands that work, and stops without leaving a process', {
  timeout: READY_LIMIT_MS + STOP_LIMIT_MS,
}, async () => {
  const system = await start()
  expect(system.children.map(({ name }) => name).toSorted()).toEqual(
    ['postgres', 'redis', ...programNames].toSorted(),
  )
  const commands = system.output().match(/^ +curl .*$/gm) ?? []
  expect(commands).toHaveLength(3)
  const answers = await Promise.all(
    commands.map((command) => shell('sh', ['-c', `${command.trim()} --fail`])),
  )
  const [products, windows, login] = answers.map(({ stdout }) => JSON.parse(stdout))
  expect(products.items[0].botanicalName).toMatch(/monstera/i)
  expect(windows.items.length).toBeGreaterThan(0)
  expect(login.user.email).toBe('customer@urbanbloom.test')

  system.child.kill('SIGINT')
  expect(await system.ended).toBe(0)
  expect(system.output()).toContain('Everything has stopped.')
  expect(await stillAlive(system.children)).toEqual([])
})

test('after it was killed with everything left running, it starts again with the data it had', {
  timeout: READY_LIMIT_MS + STOP_LIMIT_MS,
}, async () => {
  const killed = await start()
  killed.child.kill('SIGKILL')
  await killed.ended
  expect(await stillAlive(killed.children)).not.toEqual([])

  const system = await start()
  expect(await stillAlive(killed.children)).toEqual([])

  const order = system.children.find(({ name }) => name === 'order')
  if (order === undefined) throw new Error('order was not started')
  process.kill(order.pid, 'SIGKILL')
  expect(await system.ended).toBe(1)
  expect(system.output()).toMatch(
    /order ended by itself \(SIGKILL\), so everything is stopped; its last lines in/,
  )
  expect(await stillAlive(system.children)).toEqual([])
})
