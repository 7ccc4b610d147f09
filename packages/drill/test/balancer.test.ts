import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import path from 'node:path'
import { freePort } from '@urbanbloom/local/ports'
import { request } from '@urbanbloom/test-kit/http'
import { waitFor } from '@urbanbloom/test-kit/wait-for'
import { expect, onTestFinished, test } from 'vitest'
import { startBalancer } from '../src/balancer.ts'
import { processEndpoint } from '../src/process-endpoint.ts'
import { readinessProbe } from '../src/readiness-probe.ts'

async function startProcess(name: string) {
  const port = await freePort()
  const state = { isReady: true }
  const server = createServer((asked, response) => {
    response.statusCode = asked.url === '/readyz' && !state.isReady ? 503 : 200
    response.end(name)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  onTestFinished(close)
  return { state, close, endpoint: processEndpoint(name, port) }
}

async function startPair(probeEveryMs: number) {
  const processes = [await startProcess('a'), await startProcess('b')] as const
  const endpoints = processes.map(({ endpoint }) => endpoint)
  const balancer = await startBalancer({ name: 'pair', endpoints: () => endpoints, probeEveryMs })
  onTestFinished(() => balancer.close())
  const whoAnswers = async () =>
    (await request('GET', balancer.url, { headers: { connection: 'close' } })).body as string
  return { a: processes[0], b: processes[1], balancer, whoAnswers }
}

test('probes are as patient as those of the manifests', async () => {
  const file = path.join(import.meta.dirname, '../../../k8s/base/every-service.yaml')
  const [, readiness = ''] = (await readFile(file, 'utf8')).split('readinessProbe:')
  const first = (key: string) => Number(new RegExp(`${key}: (\\d+)`).exec(readiness)?.[1])
  expect({ timeoutMs: first('timeoutSeconds') * 1_000, failureThreshold: first('failureThreshold') }).toEqual(
    readinessProbe,
  )
})

test('an endpoint that does not answer its probe delays no probe of the others', async () => {
  const b = await startProcess('b')
  const answer = Promise.withResolvers<boolean>()
  let isFirst = true
  const a = {
    name: 'a',
    join: async () => undefined,
    isReady: () => {
      if (!isFirst) return answer.promise
      isFirst = false
      return Promise.resolve(true)
    },
  }
  const balancer = await startBalancer({ name: 'pair', endpoints: () => [a, b.endpoint], probeEveryMs: 20 })
  b.state.isReady = false
  await waitFor(() => !balancer.isUp('b'), { describe: 'the other is out of rotation' })
  expect(balancer.isUp('a')).toBe(true)
  answer.resolve(true)
  await balancer.close()
})

test('new connections go to every ready process, and to none that has said it is not', async () => {
  const { a, balancer, whoAnswers } = await startPair(20)
  const answered = new Set<string>()
  await waitFor(async () => answered.add(await whoAnswers()).size === 2, { describe: 'both have answered' })

  a.state.isReady = false
  await waitFor(() => !balancer.isUp('a'), { describe: 'the first is out of rotation' })
  const others = await Promise.all(Array.from({ length: 20 }, whoAnswers))
  expect(new Set(others)).toEqual(new Set(['b']))

  a.state.isReady = true
  await waitFor(() => balancer.isUp('a'), { describe: 'the first is back' })
  expect(balancer.refused).toEqual([])
})

test('a process that is withdrawn gets no new connection, however ready it is, until it is restored', async () => {
  const { balancer, whoAnswers } = await startPair(20)
  balancer.withdraw('a')
  expect(balancer.isUp('a')).toBe(false)
  expect(new Set(await Promise.all(Array.from({ length: 20 }, whoAnswers)))).toEqual(new Set(['b']))
  balancer.restore('a')
  await waitFor(async () => (await whoAnswers()) === 'a', { describe: 'the first answers again' })
  expect(balancer.refused).toEqual([])
})

test('a connection that meets a process which hung up is lost and counted, and not given to the other', async () => {
  const { a, b, balancer, whoAnswers } = await startPair(60_000)
  await a.close()
  const outcomes = await Promise.allSettled(Array.from({ length: 40 }, whoAnswers))
  const lost = outcomes.filter(({ status }) => status === 'rejected')
  expect(lost.length).toBeGreaterThan(0)
  expect(balancer.refused).toHaveLength(lost.length)
  expect(balancer.refused[0]).toBe('pair: a refused: ECONNREFUSED')
  await b.close()
})
