import { capabilities, capabilityOf, type Role } from './capabilities.ts'
import type { UpstreamName } from './routing-table.ts'
import type { Upstream } from './upstream.ts'

/** `troubled`: it can be done, and more than a twentieth of the requests of the last minute failed. */
export type State = 'works' | 'troubled' | 'down'

export type Status = {
  state: State
  checkedAt: string
  capabilities: { id: string; role: Role; title: string; state: State; since: string }[]
}

const FRESH_MS = 5_000
const ANSWER_LIMIT_MS = 1_000
const SLICE_MS = 10_000
const SLICES = 6
/** Fewer requests than this in a minute say nothing about how many fail. */
const REQUESTS_MIN = 5
const FAILED_SHARE_MAX = 0.05

export type StatusMonitor = ReturnType<typeof createStatusMonitor>

/**
 * What works now, for people: from what the services say of themselves, asked at most every five seconds however many
 * people look, and from what became of the requests of the last minute. What it cost to know is bounded by both.
 */
export function createStatusMonitor(upstreams: Readonly<Record<UpstreamName, Upstream>>) {
  const outcomes = createOutcomes()
  const known = new Map<string, { state: State; since: string }>()
  /** Of every pattern that has been seen; there are as many as routes. */
  const told = new Map<string, string | undefined>()
  let newest: { status: Status; until: number } | undefined
  let checking: Promise<Status> | undefined

  async function check(): Promise<Status> {
    const names = Object.keys(upstreams) as UpstreamName[]
    const ready = await Promise.all(
      names.map(async (name) => [name, await isReady(upstreams[name])] as const),
    )
    const isUp = new Map(ready)
    const checkedAt = new Date().toISOString()
    const list = capabilities.map(({ id, role, title, needs }) => {
      const isPossible = needs.every((name) => isUp.get(name))
      const state: State = !isPossible ? 'down' : outcomes.areBad(id) ? 'troubled' : 'works'
      const before = known.get(id)
      const since = before?.state === state ? before.since : checkedAt
      known.set(id, { state, since })
      return { id, role, title, state, since }
    })
    const status = { state: worstOf(list.map(({ state }) => state)), checkedAt, capabilities: list }
    newest = { status, until: performance.now() + FRESH_MS }
    return status
  }

  return {
    /** For every request that was answered. A client that left says nothing. */
    record(route: string, status: number): void {
      if (!told.has(route)) told.set(route, capabilityOf(route))
      const id = told.get(route)
      if (id !== undefined) outcomes.add(id, status >= 500)
    },
    async read(): Promise<Status> {
      if (newest !== undefined && newest.until > performance.now()) return newest.status
      checking ??= check().finally(() => {
        checking = undefined
      })
      return checking
    },
  }
}

function worstOf(states: readonly State[]): State {
  if (states.includes('down')) return 'down'
  return states.includes('troubled') ? 'troubled' : 'works'
}

/** Whether at least one process of a service takes requests. */
async function isReady(upstream: Upstream): Promise<boolean> {
  const tried: NonNullable<ReturnType<Upstream['next']>>[] = []
  while (tried.length < upstream.replicaCount) {
    const replica = upstream.next(tried)
    if (replica === null) return false
    tried.push(replica)
    try {
      const signal = AbortSignal.timeout(ANSWER_LIMIT_MS)
      const { statusCode, body } = await replica.requests.request({ method: 'GET', path: '/readyz', signal })
      await body.dump()
      if (statusCode === 200) return true
    } catch {
      // The next one is asked.
    }
  }
  return false
}

/** Counts of the last minute, in slices of ten seconds that are used again. */
function createOutcomes() {
  const slices = Array.from({ length: SLICES }, () => ({
    number: -1,
    counts: new Map<string, { all: number; failed: number }>(),
  }))
  const now = () => Math.floor(performance.now() / SLICE_MS)

  return {
    add(id: string, hasFailed: boolean): void {
      const number = now()
      const slice = slices[number % SLICES]
      if (slice === undefined) return
      if (slice.number !== number) {
        slice.number = number
        slice.counts.clear()
      }
      const counts = slice.counts.get(id) ?? { all: 0, failed: 0 }
      counts.all += 1
      if (hasFailed) counts.failed += 1
      slice.counts.set(id, counts)
    },
    areBad(id: string): boolean {
      const recent = slices.filter(({ number }) => number > now() - SLICES)
      const all = recent.reduce((sum, { counts }) => sum + (counts.get(id)?.all ?? 0), 0)
      const failed = recent.reduce((sum, { counts }) => sum + (counts.get(id)?.failed ?? 0), 0)
      return all >= REQUESTS_MIN && failed / all > FAILED_SHARE_MAX
    },
  }
}
