import { dayAt, momentOf } from '@urbanbloom/local/hub-time'
import { hub as inmanPark, shiftHours, vehicle } from '@urbanbloom/local/seed-data'
import { request, requestExpecting } from '@urbanbloom/test-kit/http'
import { createDriver, type Person, registerCustomer } from '@urbanbloom/test-kit/people'
import {
  checkoutBody,
  createHub,
  createProduct,
  type DeliveryWindow,
  nearbyAddress,
} from '@urbanbloom/test-kit/shop'
import { waitFor } from '@urbanbloom/test-kit/wait-for'

const CUSTOMERS = 12
const PRODUCTS = 16
const ROUTED_ORDERS = 8
/** About a second of computing for each plan. */
const PLANNED_ORDERS = 30
const AMPLE_STOCK = 1_000_000
const AMPLE_CAPACITY = 100_000

type Place = { latitude: number; longitude: number }

/** Who sends the requests, and what about. */
export type Population = {
  gatewayUrl: string
  customers: readonly Person[]
  productIds: readonly string[]
  /** What is bought and driven; undefined where nothing may be, because the shop is real. */
  business: Business | undefined
}

export type Business = {
  windows: readonly DeliveryWindow[]
  address: Record<Exclude<keyof typeof nearbyAddress, keyof Place>, string> & Place
  date: string
  ops: Person
  driver: Person
  route: { id: string; stopIds: readonly string[] }
  /** Orders on the route, which their customers follow. */
  routed: readonly Placed[]
  /** A hub whose day is planned again and again, so that the optimizer has work and nobody's route changes. */
  planned: { hubId: string; orders: readonly Placed[] }
}

type Placed = { orderId: string; customer: Person }

/**
 * Makes what the drill needs beside what is there: customers, plants that never sell out, a hub with a van, and a
 * route for tomorrow. Only `ops` can make them. Each drill has a hub of its own, so that it plans nobody else's orders.
 */
export async function createPopulation(gatewayUrl: string, ops: Person): Promise<Population> {
  const entrance = { gatewayUrl }
  const date = dayAt(new Date(), inmanPark.timeZone, 1)
  const main = await openHub(gatewayUrl, ops, date)
  const other = await openHub(gatewayUrl, ops, date)
  const productIds: string[] = []
  while (productIds.length < PRODUCTS) {
    const plant = { name: `Drill Plant ${productIds.length + 1}`, initialQuantity: AMPLE_STOCK }
    productIds.push((await createProduct(entrance, ops, plant)).id)
  }
  const customers = await registerCustomers(gatewayUrl)
  const shop = { gatewayUrl, customers, productIds, date, ops, ...main }
  const routed = await buyOrders(shop, ROUTED_ORDERS)
  const route = await planRoute(shop, main.hubId)
  const planned = { hubId: other.hubId, orders: await buyOrders({ ...shop, ...other }, PLANNED_ORDERS) }
  const { windows, address, driver } = main
  const business = { windows, address, date, ops, driver, routed, route, planned }
  return { gatewayUrl, customers, productIds, business }
}

/** A hub with a van and its driver, and what its customers need to buy. */
async function openHub(gatewayUrl: string, ops: Person, date: string) {
  const place = somewhere()
  // Its one van is far too small for the load: the drill is about answers, not about driving.
  const rules = { windowCapacity: AMPLE_CAPACITY, capacityCheck: 'counter' }
  const changes = { name: `Drill ${new Date().toISOString()}`, ...place, ...rules }
  const { id: hubId } = await createHub({ gatewayUrl }, ops, changes)
  const driver = await createDriver({ gatewayUrl, internalToken: '', urlOf: () => gatewayUrl }, ops)
  await giveShift(gatewayUrl, ops, { hubId, driverId: driver.id, date })
  const address = { ...nearbyAddress, city: 'Tifton', postalCode: '31794', ...place }
  return { hubId, driver, address, windows: await openWindows(gatewayUrl, place, date) }
}

/** Customers who only look: what a shop with real plants and real cards can take. */
export async function createVisitors(gatewayUrl: string): Promise<Population> {
  const { items } = await requestExpecting<{ items: { id: string }[] }>(
    200,
    'GET',
    `${gatewayUrl}/v1/products?limit=${PRODUCTS}`,
  )
  if (items.length === 0) throw new Error('The catalog is empty, so visitors have nothing to look at')
  const customers = await registerCustomers(gatewayUrl)
  return { gatewayUrl, customers, productIds: items.map(({ id }) => id), business: undefined }
}

async function registerCustomers(gatewayUrl: string): Promise<Person[]> {
  const customers: Person[] = []
  while (customers.length < CUSTOMERS) customers.push(await registerCustomer({ gatewayUrl }))
  return customers
}

type Shop = Omit<Population, 'business'> & Omit<Business, 'route' | 'routed' | 'planned'>

/** Somewhere in the south of Georgia: far from every real hub, and rarely near that of an earlier drill. */
function somewhere(): Place {
  return { latitude: 31 + 2 * Math.random(), longitude: -84.5 + 2 * Math.random() }
}

async function giveShift(
  gatewayUrl: string,
  { token }: Pick<Person, 'token'>,
  { hubId, driverId, date }: { hubId: string; driverId: string; date: string },
): Promise<void> {
  const van = await requestExpecting(201, 'POST', `${gatewayUrl}/v1/vehicles`, {
    token,
    body: { hubId, ...vehicle },
  })
  const start = momentOf(date, shiftHours.start, inmanPark.timeZone).toISOString()
  const end = momentOf(date, shiftHours.end, inmanPark.timeZone).toISOString()
  const body = { hubId, driverId, vehicleId: van.id, start, end }
  await requestExpecting(201, 'POST', `${gatewayUrl}/v1/shifts`, { token, body })
}

async function openWindows(gatewayUrl: string, place: Place, date: string): Promise<DeliveryWindow[]> {
  const url = `${gatewayUrl}/v1/delivery-windows?latitude=${place.latitude}&longitude=${place.longitude}&date=${date}`
  const { items } = await requestExpecting<{ items: DeliveryWindow[] }>(200, 'GET', url)
  const open = items.filter(({ available }) => available)
  if (open.length === 0) throw new Error(`No delivery window is open on ${date}`)
  return open
}

async function buyOrders(shop: Shop, count: number): Promise<Placed[]> {
  const placed: Placed[] = []
  while (placed.length < count) {
    const customer = shop.customers[placed.length % shop.customers.length] as Person
    const items = [{ productId: shop.productIds[0] as string, quantity: 1 }]
    const body = checkoutBody(items, shop.windows[0] as DeliveryWindow, { address: shop.address })
    const { order } = await requestExpecting(201, 'POST', `${shop.gatewayUrl}/v1/checkout`, {
      token: customer.token,
      body,
      headers: { 'idempotency-key': crypto.randomUUID() },
    })
    placed.push({ orderId: order.id, customer })
  }
  return placed
}

/** Plans until every routed order has come to the driver, because orders reach the planner by an event. */
async function planRoute(shop: Shop, hubId: string): Promise<Business['route']> {
  const { token } = shop.ops
  const plans = `${shop.gatewayUrl}/v1/dispatch/plans`
  return waitFor(
    async () => {
      const asked = await requestExpecting(202, 'POST', plans, { token, body: { hubId, date: shop.date } })
      await waitFor(
        async () => (await requestExpecting(200, 'GET', `${plans}/${asked.id}`, { token })).status === 'done',
        { describe: 'the plan is done', timeoutMs: 30_000 },
      )
      const { status, body } = await request('GET', `${shop.gatewayUrl}/v1/driver/route`, {
        token: shop.driver.token,
      })
      if (status !== 200 || body.stops.length < ROUTED_ORDERS) throw new Error(`the route answered ${status}`)
      return { id: body.id as string, stopIds: body.stops.map(({ id }: { id: string }) => id) }
    },
    { describe: `a route with ${ROUTED_ORDERS} stops is planned`, timeoutMs: 90_000 },
  )
}
