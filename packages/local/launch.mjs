import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const modules = join(repository, 'node_modules')
const workspaceNode = join(modules, '.bin/node')
const installedFile = join(modules, '.urbanbloom-installed')

/** Each command of package.json, as arguments for the workspace's own Node. */
const commands = {
  start: ['packages/local/src/start.ts'],
  reset: ['packages/local/src/reset.ts'],
  demo: ['packages/demo/src/demo.ts'],
  simulate: ['packages/simulation/src/main.ts'],
  verify: ['packages/local/src/verify.ts'],
  test: ['node_modules/vitest/vitest.mjs', 'run', '--config', 'packages/test-kit/vitest.config.ts'],
  format: ['node_modules/@biomejs/biome/bin/biome', 'check', '--write', '.'],
  dashboards: ['packages/dashboards/src/write.ts'],
  'dashboards:draw': ['packages/dashboards/src/picture.ts'],
  drill: ['packages/drill/src/main.ts'],
  'drill:alerts': ['packages/observability/src/drill-alerts.ts'],
  cluster: ['packages/cluster/src/main.ts'],
  bench: ['packages/bench/src/all.ts'],
  'bench:checkout': ['packages/bench/src/checkout.ts'],
  'bench:catalog': ['packages/bench/src/catalog.ts'],
  'bench:routing': ['packages/vrp/bench/run.ts'],
  'bench:replan': ['packages/bench/src/replan.ts'],
}

/** Installs what is pinned when it is not installed yet, then runs a command and ends as it ends. */
export async function launch([name, ...rest]) {
  const command = commands[name]
  if (command === undefined)
    fail(`There is no command "${name}": take one of ${Object.keys(commands).join(', ')}.`)
  if (process.platform === 'win32') fail('UrbanBloom runs on Linux and macOS: on Windows, use it inside WSL.')
  await install()
  const PATH = `${join(modules, '.bin')}${delimiter}${process.env.PATH}`
  // The only command that asks something.
  const stdin = name === 'cluster' ? 'inherit' : 'ignore'
  process.exit(await run(workspaceNode, [...command, ...rest], { ...process.env, PATH }, stdin))
}

async function install() {
  const wanted = fingerprint()
  if (existsSync(workspaceNode) && readIfThere(installedFile) === wanted) return
  expectWritable()
  const { packageManager } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
  console.log(`Installing what pnpm-lock.yaml pins, with ${packageManager}`)
  const args = [
    '--yes',
    '--prefer-offline',
    packageManager,
    'install',
    '--frozen-lockfile',
    '--prefer-offline',
  ]
  const code = await run('npx', args, process.env)
  if (code > 128) process.exit(code)
  if (code !== 0) {
    fail(
      'The installation failed for the reason above: mend it (is the npm registry reachable?) and try again.',
    )
  }
  writeFileSync(installedFile, wanted)
}

function expectWritable() {
  try {
    mkdirSync(modules, { recursive: true })
    accessSync(modules, constants.W_OK)
  } catch (err) {
    fail(
      `The folder ${modules} cannot be written (${err.code}): make it writable for this user, or clone elsewhere.`,
    )
  }
}

/** Changes with everything that an installation depends on. */
function fingerprint() {
  const manifests = ['services', 'packages'].flatMap((group) =>
    readdirSync(join(repository, group)).map((name) => join(group, name, 'package.json')),
  )
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`)
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', ...manifests]) {
    hash.update(`\0${file}\0${readIfThere(join(repository, file))}`)
  }
  return hash.digest('hex')
}

/**
 * Runs a program in a process group of its own, so that a Ctrl-C in the terminal reaches it once, through us, and
 * resolves with its exit code.
 */
function run(command, args, env, stdin = 'ignore') {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: repository,
      env,
      stdio: [stdin, 'inherit', 'inherit'],
      detached: true,
    })
    const forward = (signal) => child.kill(signal)
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, forward)
    const parents = npmAndItsShell()
    // npm may be ended without a word to us. The child is told once, because a second time means "at once".
    const watch = setInterval(() => {
      if (npmAndItsShell() === parents) return
      clearInterval(watch)
      child.kill('SIGTERM')
    }, 1000)

    child.once('error', (err) =>
      fail(`${command} does not run on this machine (${err.code}): ${adviceFor(command)}`),
    )
    child.once('exit', (code, signal) => {
      clearInterval(watch)
      for (const forwarded of signals) process.off(forwarded, forward)
      resolve(code ?? 128 + (signalNumbers[signal] ?? 0))
    })
  })
}

/** Changes when npm, or the shell between npm and us, is gone; where npm did not start us, it never changes. */
function npmAndItsShell() {
  if (process.env.npm_lifecycle_event === undefined) return ''
  const status = readIfThere(`/proc/${process.ppid}/status`) ?? ''
  return `${process.ppid} ${/^PPid:\s*(\d+)/m.exec(status)?.[1]}`
}

const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }

function adviceFor(command) {
  if (command === 'npx') return 'install npm, which comes with Node.'
  return 'remove the folder node_modules and try again.'
}

function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

function fail(sentence) {
  console.error(sentence)
  process.exit(1)
}
