import type { Day } from '../src/planning/day.ts'

const midnight = Date.parse('2026-06-10T04:00:00Z')

/** A moment of the sample day by its hour at the hub. */
export const at = (hour: number) => new Date(midnight + hour * 3_600_000)

export const sampleHub = {
  id: 'hub',
  name: 'Inman Park',
  latitude: 33.7573,
  longitude: -84.3521,
  serviceRadiusMeters: 8_000,
  timeZone: 'America/New_York',
  windowCapacity: 100,
  baseFeeCents: 599,
  cutOffMinutes: null,
  windowCutOffs: [],
  loadingVansPerSlot: null,
  loadingSlotMinutes: 15,
  capacityCheck: 'plan' as const,
}

export function sampleShift(id: string, start = 7, end = 22): Day['shifts'][number] {
  return {
    id,
    driverId: `driver of ${id}`,
    vehicleId: `van of ${id}`,
    start: at(start),
    end: at(end),
    capacity: { weightGrams: 100_000, volumeMilliliters: 100_000 },
    skills: [],
    breaks: [],
  }
}

/** A delivery in the two hours from `hour` on, `north` degrees from the hub. */
export function sampleDelivery(orderId: string, hour: number, north = 0.01): Day['deliveries'][number] {
  return {
    orderId,
    weightGrams: 5_000,
    volumeMilliliters: 5_000,
    parcels: 1,
    transport: {},
    readyAt: null,
    heldBackReason: null,
    windowStart: at(hour),
    windowEnd: at(hour + 2),
    address: {
      recipient: 'C',
      line1: '1',
      city: 'Atlanta',
      region: 'GA',
      postalCode: '30307',
      latitude: sampleHub.latitude + north,
      longitude: sampleHub.longitude,
    },
  }
}
