import { reportStartFailure } from './start-failure.ts'

/** What `run` starts and stops. `close` finishes what was begun, in the reverse order of opening. */
export type Service = {
  log: { info(fields: object, message: string): void; error(fields: object, message: string): void }
  start(): Promise<void>
  close(): Promise<void>
  /** How long `close` may take; without it, `CLOSE_LIMIT_MS`. */
  closeLimitMs?: number
}

/** Below the 30 s that Kubernetes grants by default, so that we end by ourselves. */
export const CLOSE_LIMIT_MS = 25_000

/**
 * Runs a service until SIGTERM or SIGINT. What cannot start, such as with a configuration that cannot be used,
 * ends with code 1 and one line of JSON on stderr that holds every problem; so does a stop that takes longer than it may.
 * A signal that comes during the start stops the process as soon as it has started.
 * @param name as in the service's other log lines.
 */
export async function run(name: string, create: (env: NodeJS.ProcessEnv) => Promise<Service>): Promise<void> {
  // Before anything else: the first process of a container gets no signal for which it has no handler.
  const asked = Promise.withResolvers<NodeJS.Signals>()
  process.on('SIGTERM', asked.resolve)
  process.on('SIGINT', asked.resolve)
  let service: Service
  try {
    service = await create(process.env)
    await service.start()
  } catch (err) {
    reportStartFailure(name, err)
    process.exit(1)
  }
  process.on('unhandledRejection', (err) => {
    service.log.error({ err }, 'a rejection was not handled; leaving, because the state is unknown')
    process.exit(1)
  })
  void asked.promise.then((signal) => stop(service, signal))
}

async function stop(service: Service, signal: NodeJS.Signals): Promise<void> {
  service.log.info({ signal }, 'stopping')
  const limitMs = service.closeLimitMs ?? CLOSE_LIMIT_MS
  setTimeout(() => {
    service.log.error({ limitMs }, 'stopping took too long; leaving now')
    process.exit(1)
  }, limitMs).unref()
  try {
    await service.close()
    process.exit(0)
  } catch (err) {
    service.log.error({ err }, 'stopping failed')
    process.exit(1)
  }
}
