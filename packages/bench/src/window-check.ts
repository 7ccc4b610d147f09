// What asking a day of 500 stops whether a window still has room costs: `node packages/bench/src/window-check.ts`. The
// picture of a day is made once in five seconds by each process; each listing asks it about six windows.
import {
  createFleetSlack,
  type VanDay,
  type Visit,
} from '../../../services/delivery-routing/src/windows/fleet-slack.ts'
import { createRandom } from './random.ts'
import { makeDay } from './replan-day.ts'
import { figure, formatTable } from './table.ts'

const STOPS = 500
const VANS = 20
const ROUNDS = 20
const LISTINGS = 500

const day = makeDay({ seed: 1, stops: STOPS, vans: VANS })
const visits = day.deliveries.map(
  (delivery): Visit => ({
    point: delivery.address,
    legSeconds: null,
    serviceSeconds: 180,
    open: delivery.windowStart.getTime() / 1_000,
    close: delivery.windowEnd.getTime() / 1_000,
    weightGrams: delivery.weightGrams,
    volumeMilliliters: delivery.volumeMilliliters,
    skills: [],
  }),
)
const idle = day.shifts.map(
  ({ start, end, capacity }): VanDay => ({
    start: start.getTime() / 1_000,
    end: end.getTime() / 1_000,
    capacity,
    skills: [],
    visits: [],
  }),
)
const filled = createFleetSlack(day.hub, idle)
const placed = visits.filter((visit) => filled.add(visit)).length
const planned = filled.vans()

const random = createRandom(7)
const fromPlan = cpuMs(ROUNDS, () => void createFleetSlack(day.hub, planned))
const fromSales = cpuMs(ROUNDS, () => {
  const slack = createFleetSlack(day.hub, idle)
  for (const visit of visits) slack.add(visit)
})
const listing = cpuMs(LISTINGS, () => {
  const near = visits[Math.floor(random() * visits.length)]?.point ?? day.hub
  for (const hour of [8, 10, 12, 14, 16, 18]) {
    const open = day.startsAt.getTime() / 1_000 + hour * 3_600
    filled.fits({ ...visits[0]!, point: near, open, close: open + 7_200 })
  }
})
const rows = [
  ['', 'CPU ms'],
  ['picture of a planned day', figure(fromPlan)],
  ['picture of a day with everything sold since the plan', figure(fromSales)],
  ['a listing of six windows', figure(listing)],
]
console.log(`${STOPS} stops, ${VANS} vans, ${placed} placed:\n\n${formatTable(rows)}`)

function cpuMs(times: number, work: () => void): number {
  work()
  const before = process.threadCpuUsage()
  for (let round = 0; round < times; round += 1) work()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1_000 / times
}
