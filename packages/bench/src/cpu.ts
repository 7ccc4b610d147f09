import { readFileSync } from 'node:fs'

/** CPU time by the name of a process, in milliseconds. */
export type CpuTimes = Readonly<Record<string, number>>

/** Linux counts CPU time for user programs in hundredths of a second. */
const MS_PER_TICK = 10

/** A process to measure. With `tree`, its children count too, also those that have ended. */
export type Measured = { name: string; pid: number; tree?: boolean }

/**
 * Reads how much CPU each process has used so far, all its threads included. A figure grows in steps of 10 ms, so
 * only differences over many requests mean something.
 * @throws on systems without `/proc`.
 */
export function readCpu(processes: readonly Measured[]): CpuTimes {
  return Object.fromEntries(
    processes.map(({ name, pid, tree = false }) => [
      name,
      MS_PER_TICK * (tree ? treeTicks(pid) : ticks(pid)),
    ]),
  )
}

/** How much of that the kernel used on their behalf, mostly for sockets and files; in milliseconds for all together. */
export function readKernelCpu(processes: readonly Measured[]): number {
  return sum(processes.map(({ pid, tree = false }) => MS_PER_TICK * kernelTicks(pid, tree)))
}

/** The CPU time of this process itself, in milliseconds. */
export function ownCpu(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** What was used between two readings. */
export function usedBetween(before: CpuTimes, after: CpuTimes): CpuTimes {
  return Object.fromEntries(Object.entries(after).map(([name, ms]) => [name, ms - (before[name] ?? 0)]))
}

function ticks(pid: number): number {
  const { user, system } = readStat(pid)
  return user + system
}

/** A child that ends leaves its time to its parent, so nothing is lost between two readings. */
function treeTicks(pid: number): number {
  const { childrenUser, childrenSystem } = readStat(pid)
  return sum([ticks(pid), childrenUser, childrenSystem, ...childrenOf(pid).map(orNothing(treeTicks))])
}

function kernelTicks(pid: number, tree: boolean): number {
  const { system, childrenSystem } = readStat(pid)
  if (!tree) return system
  return sum([system, childrenSystem, ...childrenOf(pid).map(orNothing((child) => kernelTicks(child, true)))])
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}

/** For a child that has ended since its parent was read, whose next reading includes it. */
function orNothing(read: (pid: number) => number): (pid: number) => number {
  return (pid) => {
    try {
      return read(pid)
    } catch {
      return 0
    }
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function readStat(pid: number) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field is the command in parentheses and may hold spaces; the third is the state.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const [user = 0, system = 0, childrenUser = 0, childrenSystem = 0] = fields.slice(11, 15).map(Number)
  return { user, system, childrenUser, childrenSystem }
}
