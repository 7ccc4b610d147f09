import { momentOf } from '@urbanbloom/local/hub-time'
import type { Clock } from './clock.ts'
import type { Tally } from './tally.ts'

const HOUR_MS = 3_600_000
/** A van leaves within two hours of an order and needs some time to the door. */
const LEAD_HOURS = 3

/** A delivery window in hours of the simulation's clock. */
export type Due = { start: number; end: number }

/**
 * The window on the day that the simulation is in: what is bought for a calendar day is driven as it is bought, so a
 * window from one to three means one o'clock of the simulated day. Undefined where no van could be there in time
 * any more; then nobody waits for it and nobody judges it.
 */
export function dueOf(
  window: { start: string; end: string },
  at: { date: string; timeZone: string; nowHours: number },
): Due | undefined {
  const midnight = momentOf(at.date, 0, at.timeZone).getTime()
  const today = Math.floor(at.nowHours / 24) * 24
  const hours = (moment: string) => today + (Date.parse(moment) - midnight) / HOUR_MS
  const due = { start: hours(window.start), end: hours(window.end) }
  return due.end >= at.nowHours + LEAD_HOURS ? due : undefined
}

/**
 * A driver's own time. A van in fast motion may not drive as fast as the clock runs, because nobody would believe its
 * positions; what it loses by that is not counted, everything else is.
 */
export function createWatch(clock: Pick<Clock, 'hours' | 'waitHours'>) {
  let lost = 0
  const hours = () => clock.hours() - lost
  return {
    hours,
    /** A leg took `taken` hours of the clock and would have taken `needed`. */
    drove({ taken, needed }: { taken: number; needed: number }): void {
      lost += Math.max(0, taken - needed)
    },
    /** What was lost on the way is waited already. */
    async waitUntil(hour: number): Promise<void> {
      const ahead = Math.max(0, hour - hours())
      const waited = Math.min(lost, ahead)
      lost -= waited
      if (ahead > waited) await clock.waitHours(ahead - waited)
    },
  }
}

const ON_TIME = 'delivered on time'
const LATE = 'delivered late'

export function judge(tally: Tally, due: Due | undefined, atHours: number): void {
  if (due !== undefined) tally.count(atHours <= due.end ? ON_TIME : LATE)
}

/** `97.5 % of 120 deliveries on time`, by the simulation's clock; nothing while there was none to judge. */
export function punctualityOf(tally: Pick<Tally, 'counts'>): string {
  const onTime = tally.counts.get(ON_TIME) ?? 0
  const all = onTime + (tally.counts.get(LATE) ?? 0)
  return all === 0
    ? 'no delivery to judge by its window yet'
    : `${((100 * onTime) / all).toFixed(1)} % of ${all} deliveries on time, by the simulation's clock`
}
