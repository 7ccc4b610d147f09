import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

/** What is measured: nothing happens, the drill's load and nothing else, or the load while processes come and go. */
export type Phase = 'rest' | 'load' | 'disruption'

/** One Deployment: a process on average, and the one that took most. Undefined where that phase was not measured. */
export type Usage = {
  unit: string
  restMillicores: number | undefined
  meanMillicores: number | undefined
  /** The second in which a process took most, its first ten seconds not counted. */
  peakMillicores: number | undefined
  /** CPU time until the process was ready, in milliseconds. */
  startMs: number | undefined
  restMebibytes: number | undefined
  peakMebibytes: number | undefined
}

/** A process of a Deployment that runs at this moment. */
export type Running = { unit: string; pid: number }

type Sample = { unit: string; phase: Phase; millicores: number; mebibytes: number; isStarting: boolean }
type Seen = { cpuMs: number; at: number; since: number }

const SAMPLE_EVERY_MS = 1_000
const STARTING_MS = 10_000
/** Linux counts in hundredths of a second, whatever the kernel's own clock is. */
const MS_PER_TICK = 10

export type UsageMeter = ReturnType<typeof startUsageMeter>

/** Looks each second at what the processes have used since; only Linux says so, elsewhere nothing is measured. */
export function startUsageMeter(running: () => readonly Running[]) {
  const samples: Sample[] = []
  const starts: { unit: string; cpuMs: number }[] = []
  const seen = new Map<number, Seen>()
  const stopping = new AbortController()
  let phase: Phase | undefined

  const look = async ({ unit, pid }: Running) => {
    const used = await readUsage(pid)
    if (used === undefined) return
    const at = performance.now()
    const last = seen.get(pid)
    seen.set(pid, { cpuMs: used.cpuMs, at, since: last?.since ?? at })
    if (last === undefined || phase === undefined) return
    const millicores = ((used.cpuMs - last.cpuMs) / (at - last.at)) * 1_000
    const isStarting = at - last.since < STARTING_MS
    samples.push({ unit, phase, millicores, mebibytes: used.mebibytes, isStarting })
  }
  const run = async () => {
    while (!stopping.signal.aborted) {
      await Promise.all(running().map(look))
      await delay(SAMPLE_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }
  const measuring = run()

  return {
    /** From now on, what is seen belongs to this phase; to none where it is undefined. */
    enter(next: Phase | undefined): void {
      phase = next
    },
    /** Notes what a process that is ready now has needed for that. */
    async noteStart({ unit, pid }: Running): Promise<void> {
      const used = await readUsage(pid)
      if (used !== undefined) starts.push({ unit, cpuMs: used.cpuMs })
    },
    usage: (units: readonly string[]) =>
      units.map((unit) =>
        summarize(
          unit,
          samples.filter((sample) => sample.unit === unit),
          starts.filter((start) => start.unit === unit).map(({ cpuMs }) => cpuMs),
        ),
      ),
    async stop(): Promise<void> {
      stopping.abort()
      await measuring
    },
  }
}

function summarize(unit: string, samples: readonly Sample[], startsMs: readonly number[]): Usage {
  const of = (phase: Phase) => samples.filter((sample) => sample.phase === phase && !sample.isStarting)
  const underLoad = [...of('load'), ...of('disruption')]
  return {
    unit,
    restMillicores: mean(of('rest').map(({ millicores }) => millicores)),
    meanMillicores: mean(of('load').map(({ millicores }) => millicores)),
    peakMillicores: largest(underLoad.map(({ millicores }) => millicores)),
    startMs: mean(startsMs),
    restMebibytes: largest(of('rest').map(({ mebibytes }) => mebibytes)),
    peakMebibytes: largest(samples.map(({ mebibytes }) => mebibytes)),
  }
}

/** CPU time since the start and resident memory now; undefined where the process or `/proc` is not there. */
async function readUsage(pid: number): Promise<{ cpuMs: number; mebibytes: number } | undefined> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ])
    // The name in brackets may hold spaces; after it come state and, at places 12 and 13, user and system time.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = Number(fields[11]) + Number(fields[12])
    const kibibytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1])
    if (Number.isNaN(kibibytes)) return undefined
    return { cpuMs: ticks * MS_PER_TICK, mebibytes: kibibytes / 1024 }
  } catch {
    return undefined
  }
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
}

function largest(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.max(...values)
}
