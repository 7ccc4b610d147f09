import { join } from 'node:path'
import { request } from 'undici'
import { type Child, deathOf, startChild } from './child.ts'
import { retryUntil } from './deadline.ts'
import { entryOf, type ProgramName, repository } from './programs.ts'
import { type Deployment, programEnvironment, urlOf } from './service-environment.ts'

const ANSWER_LIMIT_MS = 2_000

/** Starts one program of a deployment as a process; its output goes to `<logFolder>/<name>.log`. */
export async function startProgram(
  program: ProgramName,
  deployment: Deployment,
  options: { logFolder: string; env?: NodeJS.ProcessEnv },
): Promise<Child> {
  return startChild({
    name: program,
    command: process.execPath,
    args: [entryOf(program)],
    env: { ...programEnvironment(program, deployment), ...options.env },
    cwd: repository,
    logFile: join(options.logFolder, `${program}.log`),
  })
}

/** Waits until a started program's `/readyz` says yes; at once an error when its process has ended. */
export async function waitUntilReady(
  program: ProgramName,
  deployment: Deployment,
  options: { child: Child; limitMs: number; signal?: AbortSignal | undefined },
): Promise<void> {
  const url = `${urlOf(program, deployment)}/readyz`
  await retryUntil(() => expectReady(url), {
    limitMs: options.limitMs,
    describe: `${program} is not ready`,
    gaveUp: () => deathOf(options.child),
    signal: options.signal,
  })
}

async function expectReady(url: string): Promise<void> {
  const answer = await request(url, {
    headersTimeout: ANSWER_LIMIT_MS,
    bodyTimeout: ANSWER_LIMIT_MS,
    // No connection is kept: it would have to be closed when the program stops.
    reset: true,
  })
  const text = await answer.body.text()
  if (answer.statusCode !== 200)
    throw new Error(`${url} answered ${answer.statusCode}: ${text.slice(0, 300)}`)
}
