import { setTimeout as delay } from 'node:timers/promises'

export type Clock = ReturnType<typeof createClock>

const HOUR_MS = 3_600_000

/** The simulation's own time. At speed 60 an hour takes a minute. It begins at `startHour` of the first day. */
export function createClock(options: { speed: number; startHour: number; signal: AbortSignal }) {
  const { speed, startHour, signal } = options
  const begin = performance.now()
  const pass = (ms: number) => delay(ms, undefined, { signal }).catch(() => undefined)
  const hours = () => startHour + ((performance.now() - begin) * speed) / HOUR_MS
  return {
    speed,
    signal,
    /** Hours since midnight of the first day. */
    hours,
    /** Lets simulated time pass; ends early when the simulation does. */
    waitHours: (amount: number) => pass((amount * HOUR_MS) / speed),
    waitSeconds: (amount: number) => pass((amount * 1_000) / speed),
    /** Lets time of this machine pass, for what no speed changes, such as the pause before a try again. */
    waitMs: pass,
    /** `day 1, 09:30`. */
    text(): string {
      const now = hours()
      const minutes = Math.floor((now % 24) * 60)
      const two = (value: number) => String(value).padStart(2, '0')
      return `day ${Math.floor(now / 24) + 1}, ${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
    },
  }
}
