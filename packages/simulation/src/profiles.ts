/** A stretch of the day in which more people come than usual. */
export type Surge = { fromHour: number; toHour: number; times: number }

/** One plant, few pieces, and everybody who wants it at the same minute. */
export type FlashSale = { atHour: number; pieces: number; buyers: number }

export type Profile = {
  says: string
  /** Checkouts that people want to make in a day of 24 simulated hours, surges and sales not counted. */
  ordersPerDay: number
  /** How many neighbourhoods are served, each by a hub of its own. */
  hubs: number
  surges: readonly Surge[]
  flashSale?: FlashSale
}

export type ProfileName = keyof typeof profiles

export const profiles = {
  calm: { says: 'a quiet Tuesday', ordersPerDay: 500, hubs: 1, surges: [] },
  full: { says: 'the 5,000 orders that drowned the monolith', ordersPerDay: 5_000, hubs: 4, surges: [] },
  tenfold: { says: 'ten times that', ordersPerDay: 50_000, hubs: 8, surges: [] },
  newspaper: {
    says: 'a quiet day until the newspaper writes about us at nine',
    ordersPerDay: 1_000,
    hubs: 2,
    surges: [{ fromHour: 9, toHour: 11, times: 20 }],
  },
  'flash-sale': {
    says: 'fifty rare plants at noon, and two thousand people who want one',
    ordersPerDay: 1_000,
    hubs: 2,
    surges: [],
    flashSale: { atHour: 12, pieces: 50, buyers: 2_000 },
  },
} as const satisfies Record<string, Profile>
