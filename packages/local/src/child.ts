import { spawn } from 'node:child_process'
import { closeSync, openSync, readSync, statSync } from 'node:fs'

export type ChildOptions = {
  name: string
  command: string
  args: readonly string[]
  env: NodeJS.ProcessEnv
  /** Everything the child prints is appended here. */
  logFile: string
  cwd?: string
  uid?: number
  gid?: number
  /** What asks the child to end in good order; SIGTERM unless it says otherwise. */
  stopSignal?: NodeJS.Signals
}

export type ChildExit = { code: number | null; signal: NodeJS.Signals | null }

/** A process that we started and that we answer for. */
export type Child = {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** Resolves once the process is gone; never rejects. */
  readonly exited: Promise<ChildExit>
  hasExited(): boolean
  signal(signal: NodeJS.Signals): void
  /** Asks it to end, and kills it when it is still there after `graceMs`. Resolves once it is gone. */
  stop(graceMs: number): Promise<ChildExit>
}

const LAST_LINES_BYTES = 16_384

/**
 * Starts a process whose output goes straight to a file, so that nothing is lost when we die first.
 * @throws the system's error when the command cannot be run at all.
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const log = openSync(options.logFile, 'a', 0o600)
  try {
    const { uid, gid, cwd } = options
    const child = spawn(options.command, options.args, {
      env: options.env,
      stdio: ['ignore', log, log],
      ...(cwd !== undefined && { cwd }),
      ...(uid !== undefined && { uid }),
      ...(gid !== undefined && { gid }),
    })
    let gone = false
    const exited = new Promise<ChildExit>((resolve) => {
      child.once('exit', (code, signal) => {
        gone = true
        resolve({ code, signal })
      })
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    child.on('error', () => undefined)
    return {
      name: options.name,
      pid: child.pid as number,
      logFile: options.logFile,
      exited,
      hasExited: () => gone,
      signal: (signal) => void child.kill(signal),
      async stop(graceMs) {
        if (!gone) child.kill(options.stopSignal ?? 'SIGTERM')
        const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
        return exited.finally(() => clearTimeout(timer))
      },
    }
  } finally {
    closeSync(log)
  }
}

/** The end of a log file, for the person who asks why its process died. */
export function lastLines(logFile: string, count: number): string {
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0) return '(it printed nothing)'
  const length = Math.min(size, LAST_LINES_BYTES)
  const buffer = Buffer.alloc(length)
  const file = openSync(logFile, 'r')
  try {
    readSync(file, buffer, 0, length, size - length)
  } finally {
    closeSync(file)
  }
  return buffer.toString('utf8').trimEnd().split('\n').slice(-count).join('\n')
}

/** How a process ended, in words: `exit code 1` or `SIGKILL`. */
export function describeExit({ code, signal }: ChildExit): string {
  return signal ?? `exit code ${code}`
}

/** Why a child cannot be waited for any longer: how it ended and what it said last. Undefined while it runs. */
export function deathOf(child: Child | undefined): string | undefined {
  if (!child?.hasExited()) return undefined
  return `it ended; its last lines in ${child.logFile} are:\n${lastLines(child.logFile, 12)}`
}
