/** Known to everybody, and therefore only ever used by `npm start` on a developer's machine. */
export const PASSWORD = 'grow-something-green'

/** Fixed ids, so that making an account again is recognised as the same one. */
export const accounts = {
  customer: {
    id: '01900000-0000-7000-8000-000000000001',
    email: 'customer@urbanbloom.test',
    name: 'Casey Customer',
    role: 'customer',
  },
  driver: {
    id: '01900000-0000-7000-8000-000000000002',
    email: 'driver@urbanbloom.test',
    name: 'Dana Driver',
    role: 'driver',
  },
  ops: {
    id: '01900000-0000-7000-8000-000000000003',
    email: 'ops@urbanbloom.test',
    name: 'Olu Ops',
    role: 'ops',
  },
} as const

/** A place in Inman Park, Atlanta. */
export const hub = {
  name: 'Inman Park',
  latitude: 33.7573,
  longitude: -84.3521,
  serviceRadiusMeters: 8_000,
  timeZone: 'America/New_York',
} as const

export const vehicle = {
  name: 'Van 1',
  capacity: { weightGrams: 600_000, volumeMilliliters: 4_000_000 },
} as const

/** The hours of a shift, in the hub's time zone. */
export const shiftHours = { start: 7, end: 22 } as const
