import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { repository } from './programs.ts'

const bin = join(repository, 'node_modules/.bin')

const checks = [
  { name: 'format', command: 'biome', args: ['check', '.'], mend: 'npm run format' },
  { name: 'lint', command: 'oxlint', args: ['--type-aware', '--deny-warnings'] },
  { name: 'types', command: 'tsc', args: ['-p', 'tsconfig.base.json'] },
]

type Check = (typeof checks)[number]

const results = await Promise.all(checks.map(runCheck))
const failed = results.filter(({ passed }) => !passed)
for (const { check, output } of failed) console.log(`\n${check.name}:\n${output.trim()}`)
console.log(`\n${results.map(describe).join('\n')}`)
process.exitCode = failed.length === 0 ? 0 : 1

/** Runs one check to its end; what it prints is kept, so that the checks do not write into each other. */
async function runCheck(
  check: Check,
): Promise<{ check: Check; passed: boolean; output: string; seconds: number }> {
  const start = performance.now()
  const child = spawn(join(bin, check.command), check.args, {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const passed = await new Promise<boolean>((resolve) => {
    child.once('error', (err) => {
      output += err.message
      resolve(false)
    })
    child.once('close', (code) => resolve(code === 0))
  })
  return { check, passed, output, seconds: (performance.now() - start) / 1000 }
}

function describe({ check, passed, seconds }: { check: Check; passed: boolean; seconds: number }): string {
  const mend = !passed && check.mend !== undefined ? `; "${check.mend}" may mend it` : ''
  return `  ${passed ? '✓' : '✗'} ${check.name} (${seconds.toFixed(1)} s)${mend}`
}
