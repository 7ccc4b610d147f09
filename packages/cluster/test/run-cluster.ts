import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

/** Runs the command as a person does, without a terminal to answer in. */
export function runCluster(
  kubeconfig: string,
  ...args: string[]
): Promise<{ code: number | null; output: string }> {
  return startCluster(kubeconfig, ...args).ended
}

/** The same, for a command that is broken off with a signal. */
export function startCluster(kubeconfig: string, ...args: string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/main.ts'), ...args], {
    env: { PATH: process.env.PATH, KUBECONFIG: kubeconfig, HOME: '/nonexistent' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve))
  const collect = async () => {
    const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), closed])
    return { code, output: out + err }
  }
  return { signal: (signal: NodeJS.Signals) => void child.kill(signal), ended: collect() }
}
