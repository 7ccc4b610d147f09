import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { homedir } from 'node:os'
import { join } from 'node:path'

const ANSWER_LIMIT_MS = 2_000

/** Whether a Docker engine answers, at `DOCKER_HOST` or at the sockets where engines usually are. */
export async function dockerAnswers(env: NodeJS.ProcessEnv = process.env): Promise<boolean> {
  const endpoint = dockerEndpoint(env)
  return endpoint !== undefined && (await answersPing(endpoint))
}

type Endpoint = { socketPath: string } | { host: string; port: number }

function dockerEndpoint(env: NodeJS.ProcessEnv): Endpoint | undefined {
  if (env.DOCKER_HOST !== undefined && env.DOCKER_HOST !== '') {
    const url = URL.parse(env.DOCKER_HOST)
    if (url?.protocol === 'unix:') return { socketPath: url.pathname }
    if (url?.protocol === 'tcp:' || url?.protocol === 'http:') {
      return { host: url.hostname, port: Number(url.port || 2375) }
    }
    return undefined
  }
  const sockets = ['/var/run/docker.sock', join(homedir(), '.docker/run/docker.sock')]
  const socketPath = sockets.find((path) => existsSync(path))
  return socketPath === undefined ? undefined : { socketPath }
}

function answersPing(endpoint: Endpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request(
      { ...endpoint, path: '/_ping', signal: AbortSignal.timeout(ANSWER_LIMIT_MS) },
      (answer) => {
        answer.resume()
        resolve(answer.statusCode === 200)
      },
    )
    ping.once('error', () => resolve(false))
    ping.end()
  })
}
