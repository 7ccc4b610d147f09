// `npm run bench`: every benchmark after the other, each in a process of its own so that none warms another up.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { repository } from '@urbanbloom/local/programs'

const here = import.meta.dirname
/** A folder of instances in Solomon's format with their best known solutions; the repository holds none. */
const instances = process.env.VRP_INSTANCES

const benchmarks = [
  { title: 'Checkout', args: [join(here, 'checkout.ts')] },
  { title: 'Catalog', args: [join(here, 'catalog.ts')] },
  { title: 'Queues', args: [join(here, 'queue.ts')] },
  { title: 'Positions', args: [join(here, 'positions.ts')] },
  { title: 'Optimizer', args: [join(here, 'optimizer.ts')] },
  { title: 'A late order', args: [join(here, 'replan.ts')] },
]
if (instances) {
  const run = join(repository, 'packages/vrp/bench/run.ts')
  benchmarks.push({ title: 'Optimizer against the best known', args: [run, instances, '--seconds', '1'] })
}

const failed: string[] = []
for (const { title, args } of benchmarks) {
  console.log(`\n${title}\n${'═'.repeat(title.length)}`)
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: repository, stdio: 'inherit' })
    child.once('error', reject)
    child.once('exit', resolve)
  })
  if (code !== 0) failed.push(title)
}
if (failed.length > 0) {
  console.error(`\nFailed: ${failed.join(', ')}`)
  process.exitCode = 1
}
