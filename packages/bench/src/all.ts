// `npm run bench`: every benchmark after the other, each in a process of its own so that none warms another up.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '@urbanbloom/local/programs'

const here = import.meta.dirname
/** Instances for the optimizer in Solomon's format, where they are kept; they are not part of the repository. */
const instances = process.env.VRP_INSTANCES

const benchmarks = [
  { title: 'Checkout', args: [join(here, 'checkout.ts')] },
  { title: 'Catalog', args: [join(here, 'catalog.ts')] },
  { title: 'Queues', args: [join(here, 'queue.ts')] },
  ...(instances !== undefined && existsSync(instances)
    ? [
        {
          title: 'Optimizer',
          args: [join(repository, 'packages/vrp/bench/run.ts'), instances, '--seconds', '1'],
        },
      ]
    : []),
]

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
if (instances === undefined)
  console.log('\nOptimizer: set VRP_INSTANCES to a folder of Solomon instances to run it.')
if (failed.length > 0) {
  console.error(`\nFailed: ${failed.join(', ')}`)
  process.exitCode = 1
}
