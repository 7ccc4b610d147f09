import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { createLog } from '@urbanbloom/service-kit/log'
import { createMetrics } from '@urbanbloom/service-kit/metrics'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { afterEach, expect, it } from 'vitest'
import { createSseConnections } from '../src/stream/sse.ts'

const MESSAGE_BYTES = 64 * 1024
/** More than any system keeps of one connection for a reader who reads nothing. */
const CHANGES = 2_000

let undo: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const each of undo.toReversed()) await each()
  undo = []
})

/** One stream that has something new whenever it is asked, and what is known of its inside. */
async function startStream(stalledMs: number) {
  const metrics = createMetrics('slow-readers')
  const sse = createSseConnections({ max: 10, stalledMs, metrics, log: createLog('test', 'silent') })
  const state = { reads: 0, largest: 0, poke: () => {}, raw: null as ServerResponse | null }
  const server = createServer((request, raw) => {
    state.raw = raw
    const reply = { raw, hijack: () => reply } as unknown as FastifyReply
    sse.serve(Object.assign(request, { context: { requestId: 'x' } }) as unknown as FastifyRequest, reply, {
      owner: 'one',
      read: async () => {
        state.reads += 1
        return [{ id: state.reads, event: 'change', data: { text: 'x'.repeat(MESSAGE_BYTES) } }]
      },
      listen: (poke) => {
        state.poke = poke
        return () => {}
      },
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client: Socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => undefined)
  undo.push(async () => {
    client.destroy()
    sse.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await waitFor(() => state.reads > 0, { describe: 'the stream to be open' })
  /** Changes come as fast as they can, each with time for what follows from it. */
  const change = async (times: number) => {
    for (let count = 0; count < times; count += 1) {
      state.poke()
      await new Promise((resolve) => setImmediate(resolve))
      state.largest = Math.max(state.largest, state.raw?.writableLength ?? 0)
    }
  }
  const figure = async (name: string) => {
    const { text } = await metrics.expose(undefined)
    return Number(new RegExp(`^${name}\\{.*\\} (\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN)
  }
  return { client, state, change, figure }
}

it('a reader who stops reading holds one message of ours, whatever changes meanwhile, and goes on later', async () => {
  const { client, state, change, figure } = await startStream(60_000)
  await change(CHANGES)
  expect(state.largest).toBeLessThan(3 * MESSAGE_BYTES)
  const unread = state.reads
  expect(unread).toBeLessThan(CHANGES / 4)
  expect(await figure('sse_connections')).toBe(1)

  // It reads again, and learns the newest that there is.
  let last = 0
  client.on('data', (chunk: Buffer) => {
    for (const [, id] of chunk.toString('latin1').matchAll(/^id: (\d+)$/gm)) last = Number(id)
  })
  await waitFor(() => last > unread && last === state.reads, { describe: 'the reader to catch up' })
  const caughtUp = state.reads
  await change(1)
  await waitFor(() => last > caughtUp, { describe: 'the next change' })
})

it('a reader who reads nothing for too long is cut off, and counted', async () => {
  const { client, change, figure } = await startStream(50)
  client.pause()
  const closed = once(client, 'close')
  await change(CHANGES)
  await waitFor(async () => (await figure('sse_connections')) === 0, {
    describe: 'the stream to be given up',
  })
  expect(await figure('sse_cut_off_total')).toBe(1)
  client.resume()
  await closed
})

it('a reader who keeps up is never cut off', async () => {
  const { client, state, change, figure } = await startStream(50)
  client.resume()
  const until = performance.now() + 200
  while (performance.now() < until) await change(20)
  expect(state.reads).toBeGreaterThan(20)
  expect(await figure('sse_connections')).toBe(1)
  expect(await figure('sse_cut_off_total')).toBe(0)
})
