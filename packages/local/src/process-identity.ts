import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
const POLL_MS = 50

/**
 * The command line of a running process, so that a number remembered in a file is not taken for the process it
 * once belonged to. Undefined when there is no such process (a zombie counts as gone).
 */
export async function commandLineOf(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    return text === '' ? undefined : text.replaceAll('\0', ' ').trim()
  }
  const found = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => undefined)
  return found?.stdout.trim() || undefined
}

/**
 * Ends a process that is not our child: `signal` first, SIGKILL when it is still there after `graceMs`.
 * @throws the system's error when we may not signal it.
 */
export async function endProcess(pid: number, options: { signal: NodeJS.Signals; graceMs: number }) {
  const send = (signal: NodeJS.Signals) => {
    try {
      process.kill(pid, signal)
    } catch (err) {
      if ((err as { code?: string }).code !== 'ESRCH') throw err
    }
  }
  send(options.signal)
  for (let waitedMs = 0; (await commandLineOf(pid)) !== undefined; waitedMs += POLL_MS) {
    if (waitedMs >= options.graceMs) send('SIGKILL')
    await delay(POLL_MS)
  }
}
