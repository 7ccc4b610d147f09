import type { Stop } from '../dispatch/route.ts'
import type { ReportKey, StopReport } from './stop-report.ts'

/** What a stop knows of the reports about it. */
export type StopState = Pick<Stop, 'status' | 'arrivedAt' | 'completedAt'> & {
  /** The report that gave the outcome. */
  outcomeKey: ReportKey | null
}

export type Merge = { state: StopState; arrivalIsNew: boolean; outcomeIsNew: boolean }

/**
 * Adds a report to what is known of a stop. The result is a function of the set of reports alone: merging commutes, is
 * associative and idempotent, like a join of a semilattice (Shapiro et al., Conflict-free Replicated Data Types, 2011),
 * so phones may send in any order and as often as they like. Statuses rank pending < arrived < failed < delivered: a
 * delivery with its proof outdoes a failed try. Among reports of the same outcome the one that occurred first counts,
 * and the earliest arrival.
 */
export function mergeReport(state: StopState, report: StopReport): Merge {
  if (report.type === 'arrive') {
    const arrivalIsNew = state.arrivedAt === null || report.at < state.arrivedAt
    const arrivedAt = arrivalIsNew ? report.at : state.arrivedAt
    const status = state.status === 'pending' ? 'arrived' : state.status
    return { state: { ...state, status, arrivedAt }, arrivalIsNew, outcomeIsNew: false }
  }
  const outcome = report.type === 'deliver' ? 'delivered' : 'failed'
  const outcomeIsNew =
    state.status === outcome ? precedes(report, state.outcomeKey) : state.status !== 'delivered'
  if (!outcomeIsNew) return { state, arrivalIsNew: false, outcomeIsNew }
  const { occurredAt, eventId, at } = report
  return {
    state: { ...state, status: outcome, completedAt: at, outcomeKey: { occurredAt, eventId } },
    arrivalIsNew: false,
    outcomeIsNew,
  }
}

/** An outcome without a key was recorded before keys were; it stays. */
function precedes(report: ReportKey, known: ReportKey | null): boolean {
  if (known === null) return false
  const difference = report.occurredAt.getTime() - known.occurredAt.getTime()
  return difference < 0 || (difference === 0 && report.eventId < known.eventId)
}
