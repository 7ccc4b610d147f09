import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createSocketServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { dockerAnswers } from '../src/docker-endpoint.ts'
import { chosenServers } from '../src/test-servers.ts'

test('finds an engine that answers its ping', async () => {
  const engine = createServer((request, answer) => answer.end(request.url === '/_ping' ? 'OK' : 'wrong path'))
  await new Promise<void>((resolve) => engine.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void engine.close())
  const { port } = engine.address() as AddressInfo
  expect(await dockerAnswers({ DOCKER_HOST: `tcp://127.0.0.1:${port}` })).toBe(true)
})

test('takes no engine for an answer where nobody listens, or one listens and is silent, within its bound', async () => {
  expect(await dockerAnswers({ DOCKER_HOST: 'unix:///nowhere/docker.sock' })).toBe(false)
  const silent = createSocketServer()
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void silent.close())
  const { port } = silent.address() as AddressInfo
  const start = performance.now()
  expect(await dockerAnswers({ DOCKER_HOST: `tcp://127.0.0.1:${port}` })).toBe(false)
  expect(performance.now() - start).toBeLessThan(4_000)
})

test('TEST_SERVERS forces one kind, and a misspelt one is refused', async () => {
  expect(await chosenServers({ TEST_SERVERS: 'docker' })).toBe('docker')
  expect(await chosenServers({ TEST_SERVERS: 'native' })).toBe('native')
  await expect(chosenServers({ TEST_SERVERS: 'podman' })).rejects.toThrow(/TEST_SERVERS is "podman"/)
})
