import { openStream } from '@urbanbloom/test-kit/event-stream'
import { startRedis } from '@urbanbloom/test-kit/test-servers'
import { expect, it } from 'vitest'
import { startProcess } from './service-process.ts'
import {
  createCrew,
  createHub,
  createWorld,
  expecting,
  nearby,
  placeOrder,
  planDay,
  tomorrow,
  windowsOf,
} from './world.ts'

it('a driver’s stream goes on at another process, after a crash and without Redis, and misses and repeats nothing', async () => {
  const redis = await startRedis()
  const world = await createWorld({ redisUrl: redis.url })
  let other = await startProcess(world)
  try {
    const hub = await createHub(world)
    const date = tomorrow()
    const { driver } = await createCrew(world, hub.id, date)
    const [window] = await windowsOf(world, date)
    await placeOrder(world, window?.id ?? '', { at: nearby(1) })
    const drive = (path: string, body?: unknown) =>
      expecting(200, world.call('POST', `/v1/driver/${path}`, driver.token, body))
    const seen: { id: string; event: string }[] = []
    const listen = (url: string) =>
      openStream(`${url}/v1/driver/route/events`, {
        token: driver.token,
        lastEventId: seen.at(-1)?.id ?? '0',
      })
    /** Takes what comes until this event, and remembers it as a phone does. */
    const until = async (stream: Awaited<ReturnType<typeof listen>>, last: string) => {
      await stream.find(last, ({ event }) => event === last)
      for (const { id, event } of stream.events) {
        if (event !== 'ready') seen.push({ id: id ?? '', event })
      }
      await stream.close()
    }

    const first = await listen(other.url)
    await planDay(world, hub.id, date)
    await until(first, 'route.planned')

    const second = await listen(other.url)
    await redis.stop()
    const { stops } = await drive('route/start')
    await until(second, 'route.started')

    await other.kill()
    await drive(`stops/${stops[0].id}/arrive`)
    await until(await listen(world.url), 'stop.arrived')

    other = await startProcess(world)
    const fourth = await listen(other.url)
    await drive(`stops/${stops[0].id}/deliver`, { proof: { kind: 'signature', name: 'Casey' } })
    await until(fourth, 'stop.delivered')

    expect(seen).toEqual([
      { id: '1', event: 'route.planned' },
      { id: '2', event: 'route.started' },
      { id: '3', event: 'stop.arrived' },
      { id: '4', event: 'stop.delivered' },
    ])
  } finally {
    await other.kill()
    await world.close()
    await redis.close()
  }
})
