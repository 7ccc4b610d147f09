import { hub as inmanPark } from '@urbanbloom/local/seed-data'
import type { Chance } from './chance.ts'

export type Place = { latitude: number; longitude: number }
export type Neighbourhood = Place & { name: string; postalCode: string }

/** Metres for a degree of latitude, and at Atlanta's latitude for one of longitude. */
const METERS_PER_DEGREE = { latitude: 111_200, longitude: 92_400 }
/** How far from their hub people live. */
const SPREAD_METERS = 2_200

/** Neighbourhoods of Atlanta, from the first that is served on. */
export const neighbourhoods: readonly Neighbourhood[] = [
  { name: inmanPark.name, latitude: inmanPark.latitude, longitude: inmanPark.longitude, postalCode: '30307' },
  { name: 'Grant Park', latitude: 33.7363, longitude: -84.3707, postalCode: '30312' },
  { name: 'Virginia-Highland', latitude: 33.7817, longitude: -84.3637, postalCode: '30306' },
  { name: 'Decatur', latitude: 33.7748, longitude: -84.2963, postalCode: '30030' },
  { name: 'West End', latitude: 33.7358, longitude: -84.4133, postalCode: '30310' },
  { name: 'Home Park', latitude: 33.7845, longitude: -84.4024, postalCode: '30318' },
  { name: 'East Atlanta', latitude: 33.7403, longitude: -84.3446, postalCode: '30316' },
  { name: 'Buckhead', latitude: 33.8384, longitude: -84.3797, postalCode: '30305' },
]

const streets = ['Edgewood Ave NE', 'Euclid Ave NE', 'Austin Ave NE', 'Elizabeth St NE', 'Highland Ave NE']
const firstNames = [
  'Alex',
  'Blake',
  'Casey',
  'Devon',
  'Emery',
  'Frankie',
  'Gray',
  'Harper',
  'Indigo',
  'Jules',
]
const lastNames = ['Aster', 'Birch', 'Clover', 'Dahlia', 'Elm', 'Fern', 'Hazel', 'Ivy', 'Juniper', 'Laurel']

/** The address of somebody who lives near a hub. */
export function addressNear(hub: Neighbourhood, chance: Chance) {
  return {
    recipient: nameOfSomebody(chance),
    line1: `${chance.whole(1, 990)} ${chance.pick(streets)}`,
    city: 'Atlanta',
    region: 'GA',
    postalCode: hub.postalCode,
    ...somewhereWithin(hub, SPREAD_METERS, chance),
    ...(chance.is(0.3) && { instructions: 'Please leave it out of the sun' }),
  }
}

export function nameOfSomebody(chance: Chance): string {
  return `${chance.pick(firstNames)} ${chance.pick(lastNames)}`
}

/** A place at most `meters` away, every direction and distance as likely. */
export function somewhereWithin(center: Place, meters: number, chance: Chance): Place {
  const angle = chance.between(0, 2 * Math.PI)
  const distance = chance.between(0, meters)
  return {
    latitude: center.latitude + (Math.sin(angle) * distance) / METERS_PER_DEGREE.latitude,
    longitude: center.longitude + (Math.cos(angle) * distance) / METERS_PER_DEGREE.longitude,
  }
}

/** Metres between two places of one city, where the earth is flat. */
export function metersBetween(a: Place, b: Place): number {
  return Math.hypot(
    (a.latitude - b.latitude) * METERS_PER_DEGREE.latitude,
    (a.longitude - b.longitude) * METERS_PER_DEGREE.longitude,
  )
}

/** The place at a share (0 to 1) of the way. */
export function onTheWay(from: Place, to: Place, share: number): Place {
  return {
    latitude: from.latitude + (to.latitude - from.latitude) * share,
    longitude: from.longitude + (to.longitude - from.longitude) * share,
  }
}
