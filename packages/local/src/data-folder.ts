import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, reasonOf } from './failure.ts'
import { commandLineOf, endProcess } from './process-identity.ts'

/** A process that we started, and a piece of its command line by which it is known again. */
export type RememberedProcess = { name: string; pid: number; mark: string }

type RunningFile = { supervisor: RememberedProcess; children: RememberedProcess[] }

const STOP_LEFTOVER_MS = 5_000
const SUPERVISOR_MARK = 'packages/local/src/start.ts'

/**
 * Claims the data folder for this process, ends what a killed predecessor left running and drops its logs.
 * @returns a function that remembers our children in the folder, for a successor in the same need.
 * @throws Failure when the system runs here already.
 */
export async function claimDataFolder(
  folder: string,
): Promise<(children: RememberedProcess[]) => Promise<void>> {
  await refuseWhileRunning(folder)
  await endLeftovers(folder)
  await rm(join(folder, 'logs'), { recursive: true, force: true })
  await mkdir(join(folder, 'logs'))
  const supervisor = { name: 'supervisor', pid: process.pid, mark: SUPERVISOR_MARK }
  let written = Promise.resolve()
  const remember = (children: RememberedProcess[]) => {
    written = writeRunning(folder, { supervisor, children }, written)
    return written
  }
  await remember([])
  return remember
}

/** Gives the folder back, once all children are gone. */
export async function releaseDataFolder(folder: string): Promise<void> {
  await rm(runningFile(folder), { force: true })
}

/** @throws Failure when a supervisor is alive that has claimed the folder. */
export async function refuseWhileRunning(folder: string): Promise<void> {
  const running = await readRunning(folder)
  if (running === undefined || !(await isAlive(running.supervisor))) return
  throw new Failure(
    `UrbanBloom already runs from this folder as process ${running.supervisor.pid}: stop it first, with Ctrl-C ` +
      `in its terminal or "kill ${running.supervisor.pid}".`,
  )
}

/** Ends the services and servers whose supervisor was killed before it could. */
export async function endLeftovers(folder: string): Promise<void> {
  const running = await readRunning(folder)
  if (running === undefined) return
  for (const child of running.children.toReversed()) {
    if (!(await isAlive(child))) continue
    await endProcess(child.pid, { signal: 'SIGTERM', graceMs: STOP_LEFTOVER_MS }).catch((err: unknown) => {
      throw new Failure(
        `${child.name} still runs as process ${child.pid} from an earlier start and may not be stopped by this ` +
          `user (${reasonOf(err)}): stop it and start again.`,
        { cause: err },
      )
    })
  }
}

async function isAlive({ pid, mark }: RememberedProcess): Promise<boolean> {
  if (pid === process.pid) return false
  return (await commandLineOf(pid))?.includes(mark) ?? false
}

/** Writes the file whole or not at all, and only after `previous` is through. */
async function writeRunning(folder: string, running: RunningFile, previous: Promise<void>): Promise<void> {
  await previous
  const unfinished = `${runningFile(folder)}.unfinished`
  await writeFile(unfinished, `${JSON.stringify(running, null, 2)}\n`)
  await rename(unfinished, runningFile(folder))
}

async function readRunning(folder: string): Promise<RunningFile | undefined> {
  try {
    return JSON.parse(await readFile(runningFile(folder), 'utf8'))
  } catch {
    // Missing, or cut short by a power loss: then nobody runs.
    return undefined
  }
}

function runningFile(folder: string): string {
  return join(folder, 'running.json')
}
