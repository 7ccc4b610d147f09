import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Child } from '@urbanbloom/local/child'
import { freePort } from '@urbanbloom/local/ports'
import { startProgram, waitUntilReady } from '@urbanbloom/local/program-process'
import type { ProgramName } from '@urbanbloom/local/programs'
import type { Deployment } from '@urbanbloom/local/service-environment'
import type { Running } from './process-usage.ts'
import { programOf, roleOf, type UnitName } from './units.ts'

const READY_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 28_000

export type Fleet = Awaited<ReturnType<typeof createFleet>>

/** The processes of a drill. Each writes its log to `<logFolder>/<unit>/<replica>`; none outlives ours. */
export async function createFleet(options: {
  planned: readonly Deployment[]
  logFolder: string
  /** What every process gets beside the environment of its deployment. */
  environment: NodeJS.ProcessEnv
}) {
  const { planned, logFolder, environment } = options
  const deploymentOf = await placeOptimizers(planned)
  const children = new Map<string, Child>()
  const killAll = () => {
    for (const child of children.values()) child.signal('SIGKILL')
  }
  process.once('exit', killAll)

  const startIn = async (folder: string, program: ProgramName, deployment: Deployment, env = {}) => {
    await mkdir(folder, { recursive: true })
    const child = await startProgram(program, deployment, {
      logFolder: folder,
      env: { ...environment, ...env },
    })
    const untilReady = () => waitUntilReady(program, deployment, { child, limitMs: READY_LIMIT_MS })
    return { child, untilReady }
  }
  const childOf = (unit: UnitName, replica: number) => children.get(nameOf(unit, replica)) as Child

  return {
    deploymentOf,
    /** Resolves once the process is ready. */
    async start(unit: UnitName, replica: number): Promise<Running> {
      const folder = join(logFolder, unit, String(replica))
      const deployment = deploymentOf(unit, replica)
      const { child, untilReady } = await startIn(folder, programOf(unit), deployment, roleOf(unit))
      children.set(nameOf(unit, replica), child)
      await untilReady()
      return { unit, pid: child.pid }
    },
    async startSandbox(): Promise<void> {
      const { child, untilReady } = await startIn(logFolder, 'payment-sandbox', planned[0] as Deployment)
      children.set('payment-sandbox', child)
      await untilReady()
    },
    stop: (unit: UnitName, replica: number) => childOf(unit, replica).stop(STOP_LIMIT_MS),
    running: (): Running[] =>
      [...children]
        .filter(([, child]) => !child.hasExited())
        .map(([name, { pid }]) => ({ unit: name.split(' ')[0] as string, pid })),
    async close(): Promise<void> {
      await Promise.all([...children.values()].map((child) => child.stop(STOP_LIMIT_MS)))
      process.off('exit', killAll)
    },
  }
}

/** `order 0` and its like: one process. */
export function nameOf(unit: UnitName, replica: number): string {
  return `${unit} ${replica}`
}

/** The optimizers listen, too, for their probes; they get ports of their own beside those of the api. */
async function placeOptimizers(planned: readonly Deployment[]) {
  const taken = new Set(planned.flatMap(({ ports }) => Object.values(ports)))
  const optimizers: Deployment[] = []
  for (const deployment of planned) {
    let port = await freePort()
    while (taken.has(port)) port = await freePort()
    taken.add(port)
    optimizers.push({ ...deployment, ports: { ...deployment.ports, 'delivery-routing': port } })
  }
  return (unit: UnitName, replica: number) =>
    (unit === 'delivery-optimizer' ? optimizers : planned)[replica] as Deployment
}
