import { readConfig } from './config.ts'
import { createSandbox } from './sandbox.ts'

try {
  const sandbox = createSandbox(readConfig(process.env), { log: true })
  const url = await sandbox.start()
  sandbox.app.log.info({ url }, 'payment sandbox is ready')
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop())

  async function stop(): Promise<void> {
    // The hard limit counts for connections that do not end; nothing is lost, the journal is on disk.
    setTimeout(() => process.exit(1), 5_000).unref()
    await sandbox.close()
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
