import type { Hub } from '../fleet/hub.ts'
import type { ShiftToPlan } from './day.ts'

const MINUTE_MS = 60_000

type Loading = Pick<Hub, 'loadingVansPerSlot' | 'loadingSlotMinutes'>

/** Departures by slot, which is the number of slots since 1970. */
type Taken = Map<number, number>

/**
 * Where the hub loads only so many vans in a slot, gives each shift a first slot of its own and moves its start there.
 * As every van could leave in that slot, departures can always be spread.
 */
export function staggerStarts(
  shifts: readonly ShiftToPlan[],
  hub: Loading,
  fixed: readonly Date[],
): ShiftToPlan[] {
  const { loadingVansPerSlot: vans } = hub
  if (vans === null) return [...shifts]
  const slotMs = hub.loadingSlotMinutes * MINUTE_MS
  const taken = takenSlots(hub, fixed)
  const inOrder = shifts.toSorted((a, b) => a.start.getTime() - b.start.getTime() || (a.id < b.id ? -1 : 1))
  return inOrder.map((shift) => {
    let slot = Math.floor(shift.start.getTime() / slotMs)
    while ((taken.get(slot) ?? 0) >= vans) slot += 1
    taken.set(slot, (taken.get(slot) ?? 0) + 1)
    return { ...shift, start: new Date(Math.max(shift.start.getTime(), slot * slotMs)) }
  })
}

type Departure = { shiftId: string; startsAt: Date }

/**
 * Moves departures to earlier slots where more vans would leave in a slot than the hub can load. Slots are filled from
 * the last to the first, each with those that could leave earliest at the latest (earliest deadline first, mirrored),
 * which finds a way whenever there is one.
 * @returns when each shift leaves, those that need not move are absent, and the shifts that find no slot: there are none
 * where all shifts of a day have slots of their own.
 */
export function spreadDepartures(
  departures: readonly Departure[],
  shifts: readonly Pick<ShiftToPlan, 'id' | 'start'>[],
  hub: Loading,
  fixed: readonly Date[],
): { moved: Map<string, Date>; stuck: Set<string> } {
  const { loadingVansPerSlot: vans } = hub
  const moved = new Map<string, Date>()
  if (vans === null) return { moved, stuck: new Set() }
  const slotMs = hub.loadingSlotMinutes * MINUTE_MS
  const slotOf = (moment: Date) => Math.floor(moment.getTime() / slotMs)
  const startOf = new Map(shifts.map(({ id, start }) => [id, start]))
  const taken = takenSlots(hub, fixed)
  const waiting = departures
    .map((departure) => {
      const earliest = startOf.get(departure.shiftId) ?? departure.startsAt
      return { ...departure, earliest, first: slotOf(earliest), wanted: slotOf(departure.startsAt) }
    })
    .toSorted((a, b) => b.first - a.first)
  let slot = Math.max(...waiting.map(({ wanted }) => wanted))
  while (waiting.length > 0 && Number.isFinite(slot)) {
    const ready = waiting.filter(({ wanted, first }) => wanted >= slot && first <= slot)
    for (const departure of ready.slice(0, Math.max(0, vans - (taken.get(slot) ?? 0)))) {
      waiting.splice(waiting.indexOf(departure), 1)
      if (departure.wanted === slot) continue
      const last = (slot + 1) * slotMs - MINUTE_MS
      moved.set(departure.shiftId, new Date(Math.max(last, departure.earliest.getTime())))
    }
    slot -= 1
    // Before the first slot that anybody could use there is nothing to find.
    if (slot < Math.min(...waiting.map(({ first }) => first))) break
  }
  return { moved, stuck: new Set(waiting.map(({ shiftId }) => shiftId)) }
}

/** The latest departure up to the wanted one in a slot that still has room; null where there is none. */
export function departureWithRoom(
  { wanted, earliest }: { wanted: Date; earliest: Date },
  hub: Loading,
  others: readonly Date[],
): Date | null {
  const shift = { id: 'one', start: earliest }
  const { moved, stuck } = spreadDepartures([{ shiftId: 'one', startsAt: wanted }], [shift], hub, others)
  return stuck.size > 0 ? null : (moved.get('one') ?? wanted)
}

/** The slots in which vans leave that the plan does not move. */
function takenSlots(hub: Loading, fixed: readonly Date[]): Taken {
  const slotMs = hub.loadingSlotMinutes * MINUTE_MS
  const taken: Taken = new Map()
  for (const moment of fixed) {
    const slot = Math.floor(moment.getTime() / slotMs)
    taken.set(slot, (taken.get(slot) ?? 0) + 1)
  }
  return taken
}
