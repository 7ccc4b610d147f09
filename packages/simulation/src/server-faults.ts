import { setTimeout as delay } from 'node:timers/promises'
import { type ProgramName, serviceNames } from '@urbanbloom/local/programs'

/** What can be taken away from a system whose parts are processes of ours, and brought back. */
export type Breakable = {
  kill(program: ProgramName): Promise<unknown>
  start(program: ProgramName): Promise<unknown>
  redis: { stop(): Promise<unknown>; start(): Promise<unknown> }
}

type ServerFault = {
  says: string
  /** The turn counts from 0, so that another part may be hit each time. */
  inject(system: Breakable, turn: number): Promise<unknown>
  repair(system: Breakable, turn: number): Promise<unknown>
}

const serviceAt = (turn: number) => serviceNames[turn % serviceNames.length] as ProgramName

const definitions = {
  'killed-services': {
    says: 'one service after the other is killed without warning and started again',
    inject: (system, turn) => system.kill(serviceAt(turn)),
    repair: (system, turn) => system.start(serviceAt(turn)),
  },
  'redis-gone': {
    says: 'Redis goes away and comes back empty',
    inject: ({ redis }) => redis.stop(),
    repair: ({ redis }) => redis.start(),
  },
  'provider-away': {
    says: 'the card provider answers nobody for a while',
    inject: (system) => system.kill('payment-sandbox'),
    repair: (system) => system.start('payment-sandbox'),
  },
} as const satisfies Record<string, ServerFault>

export type ServerFaultName = keyof typeof definitions

/** What can be switched on by name where the system is one of the simulation's own: `--own-system`. */
export const serverFaults: Readonly<Record<ServerFaultName, ServerFault>> = definitions

export function isServerFault(name: string): name is ServerFaultName {
  return Object.hasOwn(definitions, name)
}

/**
 * Takes away and brings back in turns, each for `awayMs` after `pauseMs` of peace, until `stop`. What is away when the
 * time is over is brought back first.
 * @param onTurn is told what happens, for the person who watches.
 */
export async function playServerFaults(
  system: Breakable,
  names: readonly ServerFaultName[],
  options: {
    pauseMs: number
    awayMs: number
    stop: AbortSignal
    onTurn: (name: ServerFaultName) => void
  },
): Promise<void> {
  const { pauseMs, awayMs, stop, onTurn } = options
  const pass = (ms: number) => delay(ms, undefined, { signal: stop }).catch(() => undefined)
  for (let turn = 0; names.length > 0; turn += 1) {
    await pass(pauseMs)
    if (stop.aborted) return
    const name = names[turn % names.length] as ServerFaultName
    const round = Math.floor(turn / names.length)
    onTurn(name)
    await serverFaults[name].inject(system, round)
    await pass(awayMs)
    await serverFaults[name].repair(system, round)
  }
}
