import { setTimeout as delay } from 'node:timers/promises'
import { dayAt } from '@urbanbloom/local/hub-time'
import { hub as inmanPark } from '@urbanbloom/local/seed-data'
import { type Audit, audit } from './audit.ts'
import { createChance } from './chance.ts'
import { neighbourhoods } from './city.ts'
import { createClient } from './client.ts'
import { createClock } from './clock.ts'
import { hoursToNextVisit } from './demand.ts'
import { keepShop, runHub } from './dispatcher.ts'
import type { Fault } from './faults.ts'
import { putOnSale, rush } from './flash-sale.ts'
import { openHubs } from './fleet.ts'
import { createPeople } from './people.ts'
import type { Profile } from './profiles.ts'
import { VISITS_PER_ORDER, visit } from './shopper.ts'
import { createTally, type Tally } from './tally.ts'
import { endedEarly, type World } from './world.ts'

/** More people than this at once wait outside; they are counted as turned away. */
const MAX_VISITORS = 4_000
/** How long everybody may finish what they are doing when the time is over. */
const FINISH_LIMIT_MS = 60_000

export type Simulation = { world: World; audit: Audit; seconds: number }

/**
 * Plays a city: customers, ops and drivers, through the public API alone, until `stop` says so. `ops` is the
 * account of a member of the ops team; all others are made.
 */
export async function simulate(options: {
  url: string
  ops: { email: string; password: string }
  profile: Profile
  faults: ReadonlySet<Fault>
  speed: number
  startHour: number
  seed: number
  stop: AbortSignal
  /** Parts of the system are taken away on purpose while it runs. */
  hasOutages?: boolean
  /** Called once everything is prepared and people begin to come. */
  onBegin?: (world: World) => void
}): Promise<Simulation> {
  const { profile, stop } = options
  const tally: Tally = createTally()
  const client = createClient(options.url, tally, options.hasOutages)
  try {
    const chance = createChance(options.seed)
    const people = createPeople(client, chance)
    const ops = await people.logIn(options.ops.email, options.ops.password)
    const hubs = await openHubs(client, ops, neighbourhoods.slice(0, profile.hubs))
    const catalog = await client.expect(200, 'browse', { path: '/v1/products?limit=100' })
    const rare = profile.flashSale && (await putOnSale(client, ops, profile.flashSale))
    const world: World = {
      client,
      chance,
      tally,
      profile,
      people,
      hubs,
      clock: createClock({ speed: options.speed, startHour: options.startHour, signal: stop }),
      faults: options.faults,
      date: dayAt(new Date(), inmanPark.timeZone, 1),
      productIds: catalog.items.map(({ id }: { id: string }) => id),
      bought: new Map(),
    }
    const begin = performance.now()
    options.onBegin?.(world)
    const acting = [
      letPeopleCome(world),
      keepShop(world, ops, new Set(rare === undefined ? [] : [rare])),
      ...hubs.map((hub) => runHub(world, ops, hub)),
    ].concat(profile.flashSale && rare !== undefined ? [rush(world, profile.flashSale, rare)] : [])
    await Promise.race([Promise.all(acting), whenOver(stop)])
    await people.tokenOf(ops)
    return { world, audit: await audit(world, ops), seconds: (performance.now() - begin) / 1_000 }
  } finally {
    await client.close()
  }
}

/** Visitors come whether or not those before them are served: a system that slows down gets no rest by it. */
async function letPeopleCome(world: World): Promise<void> {
  const { clock, profile, chance, tally } = world
  const inside = new Set<Promise<void>>()
  let nextAt = clock.hours()
  while (!clock.signal.aborted) {
    const fromHour = nextAt % 24
    nextAt += hoursToNextVisit(profile, { fromHour, visitsPerOrder: VISITS_PER_ORDER, random: chance.next })
    await clock.waitHours(Math.max(0, nextAt - clock.hours()))
    if (clock.signal.aborted) break
    if (inside.size >= MAX_VISITORS) {
      tally.count('turned away: the simulation is full')
      continue
    }
    const one = visit(world)
      .catch((err: unknown) => endedEarly(world, 'A visit', err))
      .finally(() => inside.delete(one))
    inside.add(one)
  }
  await Promise.all(inside)
}

async function whenOver(stop: AbortSignal): Promise<void> {
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }))
  await delay(FINISH_LIMIT_MS, undefined, { ref: false })
}
