import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { claimDataFolder } from '../src/data-folder.ts'
import { Failure } from '../src/failure.ts'
import { refuseForeignFolder, takeFolder } from '../src/own-folder.ts'
import { loadSecrets } from '../src/secrets.ts'

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'urbanbloom-data-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function newFolder(): Promise<string> {
  const folder = await emptyFolder()
  await takeFolder(folder)
  return folder
}

/** A process that only waits, with a word in its command line. */
async function waitingProcess(word: string): Promise<{ pid: number; exited: Promise<unknown> }> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', word], { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))
  await new Promise<void>((resolve) => child.once('spawn', resolve))
  if (child.pid === undefined) throw new Error('the process did not start')
  return { pid: child.pid, exited }
}

async function writeRunning(folder: string, supervisor: object, children: object[]): Promise<void> {
  await writeFile(join(folder, 'running.json'), JSON.stringify({ supervisor, children }))
}

test("a folder with somebody else's files is not taken, and keeps its mode", async () => {
  const folder = await emptyFolder()
  await writeFile(join(folder, 'secrets.json'), '{"of": "another program"}')
  await expect(takeFolder(folder)).rejects.toThrow("has files in it that are not UrbanBloom's")
  await expect(refuseForeignFolder(folder)).rejects.toThrow(Failure)
  expect(await readdir(folder)).toEqual(['secrets.json'])
  expect((await stat(folder)).mode & 0o777).toBe(0o700)
})

test('a new, an empty, and our own folder are taken, with those above them; so is one from before the marker', async () => {
  const folder = join(await emptyFolder(), 'deep/data')
  await takeFolder(folder)
  expect((await stat(folder)).mode & 0o777).toBe(0o755)
  await writeFile(join(folder, 'more'), '')
  await takeFolder(folder)
  await refuseForeignFolder(folder)

  const earlier = await emptyFolder()
  await loadSecrets(join(earlier, 'secrets.json'))
  await takeFolder(earlier)
  await refuseForeignFolder(join(earlier, 'missing'))
})

test('a folder whose supervisor lives is not taken', async () => {
  const folder = await newFolder()
  const { pid } = await waitingProcess('its-supervisor')
  await writeRunning(folder, { name: 'supervisor', pid, mark: 'its-supervisor' }, [])
  await expect(claimDataFolder(folder)).rejects.toThrow(`already runs from this folder as process ${pid}`)
})

test('what a killed supervisor left running is ended; another program with a remembered number is not', async () => {
  const folder = await newFolder()
  const [left, stranger] = await Promise.all([waitingProcess('left-over'), waitingProcess('a-stranger')])
  let strangerEnded = false
  void stranger.exited.then(() => (strangerEnded = true))
  await writeRunning(folder, { name: 'supervisor', pid: 2 ** 30, mark: 'start.ts' }, [
    { name: 'order', pid: left.pid, mark: 'left-over' },
    { name: 'auth', pid: stranger.pid, mark: 'services/auth' },
  ])
  const remember = await claimDataFolder(folder)
  expect(await left.exited).toBe('SIGTERM')
  expect(strangerEnded).toBe(false)

  await remember([{ name: 'payment', pid: 42, mark: 'services/payment' }])
  const running = JSON.parse(await readFile(join(folder, 'running.json'), 'utf8'))
  expect(running).toMatchObject({
    supervisor: { pid: process.pid },
    children: [{ name: 'payment', pid: 42 }],
  })
})

test('secrets are made once, kept, and only for their owner', async () => {
  const file = join(await newFolder(), 'secrets.json')
  const first = await loadSecrets(file)
  expect(await loadSecrets(file)).toEqual(first)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(first.internalToken.length).toBeGreaterThanOrEqual(32)
  expect(Object.keys(first.rolePasswords)).toContain('order_service')
})
