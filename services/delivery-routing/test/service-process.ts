import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { freePort } from '@urbanbloom/local/ports'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import type { World } from './world.ts'

/** The service once more, as a process of its own over the same database. */
export async function startProcess(world: World) {
  const port = await freePort()
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/main.ts')], {
    env: { PATH: process.env.PATH, ...world.environment, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exited = once(child, 'exit')
  const url = `http://127.0.0.1:${port}`
  await waitFor(async () => (await fetch(`${url}/readyz`)).ok, {
    describe: 'the other process to be ready',
    timeoutMs: 20_000,
  })
  return {
    url,
    /** Ends it without a chance to say anything. */
    async kill(): Promise<void> {
      child.kill('SIGKILL')
      await exited
    },
  }
}
