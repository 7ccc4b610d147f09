import { execFileSync } from 'node:child_process'
import { cpSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { closureOf, readWorkspace, type WorkspacePackage } from './workspace.ts'

const repository = path.join(import.meta.dirname, '../../..')

/** Read by compilers and people, never by Node; without them the dependencies are half as large. */
const UNUSED_IN_PRODUCTION = /\.(?:d\.[cm]?ts|map)$/

/**
 * An optional peer of the queue's configuration reader, which takes it because the repository has it: as large as
 * everything else together, and asked for only where a configuration is written in TypeScript.
 */
const COMPILER = /^@?typescript[@+]/

const [program, target] = process.argv.slice(2)
if (program === undefined || target === undefined) {
  console.error('Usage: node packages/images/src/build.ts services/auth /build')
  process.exit(2)
}
const workspace = readWorkspace(repository)
const closure = closureOf(program, workspace)
install(repository, '--filter', '{.}', '--filter-prod', `{${program}}...`)
writeCode(closure, path.join(target, 'code'))
writeDependencies(path.join(target, 'dependencies'))

/** Compiles the packages and puts them, with the data that they ship, where they are in the repository. */
function writeCode(packages: readonly WorkspacePackage[], code: string): void {
  const compiled = path.join(target as string, 'compiled')
  const config = path.join(repository, 'tsconfig.image.json')
  writeFileSync(
    config,
    JSON.stringify({
      extends: './tsconfig.base.json',
      compilerOptions: { rootDir: '.', noEmit: false, noEmitOnError: true, removeComments: true },
      include: packages.map((each) => `${each.folder}/src`),
      exclude: ['**/*.test.ts'],
    }),
  )
  run(path.join(repository, 'node_modules/.bin/tsc'), ['-p', config, '--outDir', compiled])
  for (const { folder, files } of packages) {
    const from = path.join(repository, folder)
    const to = path.join(code, folder)
    cpSync(path.join(from, 'package.json'), path.join(to, 'package.json'))
    cpSync(path.join(compiled, folder, 'src'), path.join(to, 'dist'), { recursive: true })
    for (const file of files.filter((name) => name !== 'dist')) {
      cpSync(path.join(from, file), path.join(to, file), { recursive: true })
    }
  }
}

/** Installs what the lock file says that the packages need in production, and nothing else of the repository. */
function writeDependencies(dependencies: string): void {
  const manifests = workspace.map((each) => `${each.folder}/package.json`)
  const frozen = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests]
  for (const file of frozen) cpSync(path.join(repository, file), path.join(dependencies, file))
  install(dependencies, '--prod', '--filter-prod', `{${program}}...`)
  for (const file of frozen) rmSync(path.join(dependencies, file))
  // What pnpm notes for its next run holds the time of this one, and would make the same layer look new.
  for (const note of ['.modules.yaml', '.pnpm-workspace-state-v1.json', '.pnpm/lock.yaml']) {
    rmSync(path.join(dependencies, 'node_modules', note), { force: true })
  }
  const installed = path.join(dependencies, 'node_modules/.pnpm')
  for (const name of readdirSync(installed).filter((each) => COMPILER.test(each))) {
    rmSync(path.join(installed, name), { recursive: true })
  }
  removeUnused(installed)
  for (const { folder } of workspace) {
    const left = path.join(dependencies, folder)
    if (readdirSync(left).length === 0) rmdirSync(left)
  }
}

/** Does not follow links, unlike a recursive readdir. */
function removeUnused(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name)
    if (entry.isDirectory()) removeUnused(file)
    else if (entry.isFile() && UNUSED_IN_PRODUCTION.test(entry.name)) rmSync(file)
  }
}

/** From the packages fetched before, so that the network is not asked and no script of a package runs. */
function install(directory: string, ...selection: string[]): void {
  run('pnpm', ['install', '--offline', '--frozen-lockfile', '--ignore-scripts', ...selection], directory)
}

function run(command: string, args: readonly string[], cwd = repository): void {
  execFileSync(command, args, { cwd, stdio: 'inherit' })
}
