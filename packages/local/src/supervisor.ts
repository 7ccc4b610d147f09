import { type Child, type ChildExit, describeExit, lastLines } from './child.ts'
import type { RememberedProcess } from './data-folder.ts'
import { Failure } from './failure.ts'

/**
 * The order in which things depend on each other: each rank needs those below it. They are stopped from the
 * highest to the lowest, the members of one rank together.
 */
export const ranks = { server: 0, sandbox: 1, service: 2, gateway: 3 } as const

export type Rank = (typeof ranks)[keyof typeof ranks]

export type Supervisor = ReturnType<typeof createSupervisor>

/** Longer than the 25 s that a service gives itself to finish its requests. */
const GRACE_MS = 28_000

/** Answers for our child processes: notices when one dies unasked, and stops them all in order. */
export function createSupervisor(remember: (children: RememberedProcess[]) => Promise<void>) {
  const members: { child: Child; rank: Rank; mark: string }[] = []
  const death = Promise.withResolvers<never>()
  death.promise.catch(() => undefined)
  let stopping = false
  const rejectWhenDead = async (child: Child) => {
    const exit = await child.exited
    if (!stopping) death.reject(diedUnasked(child, exit))
  }

  return {
    /** Rejects with a Failure when a child has died that nobody asked to stop. */
    death: death.promise,

    /**
     * Takes charge of a child. `mark` is a piece of its command line by which it is known again.
     * @throws when everything is being stopped; the child that came too late is stopped then.
     */
    async add(child: Child, rank: Rank, mark: string): Promise<void> {
      members.push({ child, rank, mark })
      if (stopping) {
        await child.stop(GRACE_MS)
        throw new Error(`${child.name} was started while everything is being stopped`)
      }
      void rejectWhenDead(child)
      await remember(
        members.map((member) => ({ name: member.child.name, pid: member.child.pid, mark: member.mark })),
      )
    },

    /** Stops everything from the highest rank to the lowest and resolves once all are gone. */
    async stop(): Promise<void> {
      stopping = true
      for (const rank of Object.values(ranks).toReversed()) {
        const group = members.filter((member) => member.rank === rank)
        await Promise.all(group.map(({ child }) => stopOne(child)))
      }
    },

    /** Ends everything now. Postgres recovers from that by itself at its next start. */
    kill: (): void => {
      stopping = true
      for (const { child } of members) child.signal('SIGKILL')
    },
  }
}

async function stopOne(child: Child): Promise<void> {
  if (child.hasExited()) return
  const { signal } = await child.stop(GRACE_MS)
  if (signal === 'SIGKILL') {
    console.error(
      `${child.name} did not stop within ${GRACE_MS / 1000} s and was killed; see ${child.logFile}`,
    )
  }
}

function diedUnasked(child: Child, exit: ChildExit): Failure {
  return new Failure(
    `${child.name} ended by itself (${describeExit(exit)}), so everything is stopped; its last lines in ` +
      `${child.logFile} are:\n${lastLines(child.logFile, 12)}`,
  )
}
