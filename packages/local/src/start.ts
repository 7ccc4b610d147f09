import { setTimeout as delay } from 'node:timers/promises'
import { bringUp } from './bring-up.ts'
import { checkMachine } from './checks.ts'
import { claimDataFolder, releaseDataFolder } from './data-folder.ts'
import { Failure } from './failure.ts'
import { takeFolder } from './own-folder.ts'
import { createProgress } from './progress.ts'
import { loadSecrets } from './secrets.ts'
import { readSettings, type Settings } from './settings.ts'
import { watchForStop } from './stop-request.ts'
import { createSupervisor } from './supervisor.ts'
import { welcome } from './welcome.ts'

/** How long a step that was under way may take to notice that nobody wants it any more. */
const SETTLE_LIMIT_MS = 10_000

// Where the terminal has gone, what we say is lost; but everything must still be stopped.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

try {
  const settings = readSettings(process.env)
  await takeFolder(settings.dataFolder)
  const remember = await claimDataFolder(settings.dataFolder)
  try {
    process.exitCode = await runSystem(settings, createSupervisor(remember))
  } finally {
    await releaseDataFolder(settings.dataFolder)
  }
} catch (err) {
  report(err)
  process.exitCode = 1
}
process.exit()

/** Runs the system until somebody stops it (0) or a part of it fails (1). Nothing of it is left afterwards. */
async function runSystem(
  settings: Settings,
  supervisor: ReturnType<typeof createSupervisor>,
): Promise<number> {
  const abort = new AbortController()
  const stopRequest = Promise.withResolvers<string>()
  watchForStop({ onStop: stopRequest.resolve, onForce: supervisor.kill })

  const giveUp = () => abort.abort(new Error('the start was given up'))
  const starting = startAndWelcome(settings, supervisor, { signal: abort.signal, giveUp })
  try {
    const why = await Promise.race([
      stopRequest.promise,
      starting.then(() => supervisor.death),
      supervisor.death,
    ])
    console.log(`\n${why === 'SIGINT' ? 'Ctrl-C' : why}: stopping everything; the data is kept.`)
    return 0
  } catch (err) {
    report(err)
    return 1
  } finally {
    giveUp()
    await Promise.race([starting.catch(() => undefined), delay(SETTLE_LIMIT_MS, undefined, { ref: false })])
    await supervisor.stop()
    console.log('Everything has stopped.')
  }
}

async function startAndWelcome(
  settings: Settings,
  supervisor: ReturnType<typeof createSupervisor>,
  ending: { signal: AbortSignal; giveUp: () => void },
): Promise<void> {
  console.log('Starting UrbanBloom')
  const redisSource = await checkMachine(settings)
  const secrets = await loadSecrets(`${settings.dataFolder}/secrets.json`)
  const step = createProgress((line) => console.log(line))
  await bringUp({ settings, secrets, redisSource, supervisor, step, ...ending })
  console.log(await welcome(settings))
}

function report(err: unknown): void {
  // A failure is written for the person at the terminal; anything else is a defect, and its stack helps.
  console.error(err instanceof Failure ? `\n${err.message}` : err)
}
