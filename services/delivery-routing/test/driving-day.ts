import {
  createCrew,
  createHub,
  expecting,
  nearby,
  placeOrder,
  planDay,
  tomorrow,
  type World,
  windowsOf,
} from './world.ts'

/** A hub with one driver under way, who has a stop for each of the orders. */
export async function startedRoute(
  world: World,
  stops: number,
  facts: (index: number) => { valueCents?: number; parcels?: number } = () => ({}),
) {
  const date = tomorrow()
  const hub = await createHub(world)
  const { driver } = await createCrew(world, hub.id, date)
  const windows = await windowsOf(world, date)
  const orders: Awaited<ReturnType<typeof placeOrder>>[] = []
  for (let index = 0; index < stops; index += 1) {
    const window = windows[index % windows.length]
    orders.push(await placeOrder(world, window?.id ?? '', { at: nearby(index), ...facts(index) }))
  }
  await planDay(world, hub.id, date)
  const route = await expecting(200, world.call('POST', '/v1/driver/route/start', driver.token))
  const orderOf = (stop: { orderId: string }) => {
    const order = orders.find(({ orderId }) => orderId === stop.orderId)
    if (order === undefined) throw new Error(`No order ${stop.orderId}`)
    return order
  }
  return {
    hub,
    driver,
    date,
    /** In the order in which they were placed. */
    orders,
    route: route as { id: string; stops: { id: string; orderId: string; position: number }[] },
    orderOf,
    drive: (path: string, body?: unknown) => world.call('POST', `/v1/driver/${path}`, driver.token, body),
  }
}

export type StartedRoute = Awaited<ReturnType<typeof startedRoute>>

/** The first bytes of a JPEG, and `content` to tell it from others. */
export function jpeg(content: string): Buffer {
  return Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.from(content)])
}

/** Sends bytes as a body, and gives the status and the problem or object. */
export async function sendBytes(
  url: string,
  { token, bytes, contentType }: { token: string; bytes: Buffer; contentType: string },
) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': contentType },
    body: new Uint8Array(bytes),
  })
  return { status: response.status, body: (await response.json()) as any }
}
