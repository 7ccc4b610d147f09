import { type Place, somewhereWithin } from './city.ts'
import type { Session, World } from './world.ts'

export type Phone = ReturnType<typeof createPhone>

/** Positions are sent in batches of this many, as the app does to spare the battery. */
const BATCH = 5
const WRONG_BY_MS = 600_000
const ACCURACY_METERS = 8

type Report = { stopId: string } & (
  | { type: 'arrive' }
  | { type: 'deliver'; proof: object }
  | { type: 'fail'; reason: string }
)
type Recorded = Report & { clientEventId: string; occurredAt: string }

/** A driver's phone: with signal it reports at once, without it keeps everything and sends it later. */
export function createPhone({ client, chance, people, tally, faults }: World, session: Session) {
  const clockErrorMs = faults.has('wrong-clocks') ? chance.between(-WRONG_BY_MS, WRONG_BY_MS) : 0
  const now = () => new Date(Date.now() + clockErrorMs).toISOString()
  let hasSignal = true
  let events: Recorded[] = []
  let positions: object[] = []

  async function post(kind: string, path: string, body: object) {
    const token = await people.tokenOf(session)
    return client.ask(kind, { method: 'POST', path, token, body })
  }

  /** Everything that was kept, and now and then once more, because the answer was lost. */
  async function upload(): Promise<void> {
    hasSignal = true
    if (events.length === 0 && positions.length === 0) return
    const batch = { events: chance.sample(events, events.length), positions }
    events = []
    positions = []
    const { status, body } = await post('sync', '/v1/driver/sync', batch)
    if (status !== 200 && client.hasOutages) {
      // The phone keeps what nobody took, and sends it with the next.
      events = [...batch.events, ...events]
      return
    }
    if (status !== 200)
      return tally.surprise(`A phone's records were refused with ${status}: ${body?.detail}`)
    for (const { status: outcome, code } of body.results) {
      if (outcome === 'rejected') tally.count(`driver events refused: ${code}`)
    }
    if (chance.is(0.3)) await post('sync again', '/v1/driver/sync', batch)
  }

  return {
    upload,
    setSignal(has: boolean): void {
      if (!has && hasSignal) tally.count('dead spots')
      hasSignal = has
    },
    async locate(place: Place, speedMps: number): Promise<void> {
      const at = somewhereWithin(place, ACCURACY_METERS, chance)
      positions.push({ recordedAt: now(), ...at, accuracyMeters: ACCURACY_METERS, speedMps })
      if (!hasSignal || positions.length < BATCH) return
      if (events.length > 0) return upload()
      const batch = positions
      positions = []
      await post('positions', '/v1/driver/positions', { positions: batch })
    },
    async report(report: Report): Promise<void> {
      if (!hasSignal) {
        events.push({ ...report, clientEventId: crypto.randomUUID(), occurredAt: now() })
        return
      }
      if (events.length > 0) await upload()
      const { type, stopId, ...body } = report
      const path = `/v1/driver/stops/${stopId}/${type}`
      const hasBody = Object.keys(body).length > 0
      const { status, body: answer } = await post(type, path, hasBody ? body : {})
      if (status !== 200) tally.count(`driver refused: ${answer?.code ?? status}`)
    },
  }
}
