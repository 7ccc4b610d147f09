import { Agent } from 'undici'
import { type Credentials, createCredentials } from './aws-credentials.ts'
import { ConfigError } from './config.ts'
import { timeout, unavailable } from './errors.ts'
import type { ObjectStore, ObjectStoreConfig, ObjectStoreLimits } from './object-store.ts'
import { remainingMs } from './request-context.ts'
import { type Answer, sendOnce } from './s3-request.ts'

const MAX_TRIES = 3
const FIRST_RETRY_DELAY_MS = 100

type Body = { bytes: Uint8Array; type: string }

/**
 * A bucket behind S3's REST API. A broken connection, a 5xx and a 429 are tried again within the deadline, because
 * all three operations are idempotent. An own `endpoint` is addressed by path, Amazon's by the name of the bucket.
 */
export function openS3Store(
  config: Extract<ObjectStoreConfig, { kind: 's3' }>,
  { maxBytes, timeoutMs }: ObjectStoreLimits,
): ObjectStore {
  const agent = new Agent({ connections: 16, keepAliveTimeout: 20_000, connect: { timeout: 2_000 } })
  const credentials = credentialsFor(config, agent)
  const base =
    config.endpoint === undefined
      ? `https://${config.bucket}.s3.${config.region}.amazonaws.com`
      : `${config.endpoint.replace(/\/$/, '')}/${config.bucket}`

  async function send(method: 'GET' | 'PUT' | 'DELETE', key: string, body?: Body): Promise<Answer> {
    const deadlineAt = performance.now() + remainingMs(timeoutMs)
    const target = { url: `${base}/${config.prefix}${key}`, region: config.region, dispatcher: agent }
    for (let attempt = 1; ; attempt += 1) {
      const signal = AbortSignal.timeout(Math.max(1, Math.ceil(deadlineAt - performance.now())))
      const answer = await sendOnce(target, { method, body, credentials, signal, maxBytes }).catch(toError)
      if (!(answer instanceof Error) && answer.status < 500 && answer.status !== 429) return answer
      const delayMs = FIRST_RETRY_DELAY_MS * 2 ** (attempt - 1) * (0.5 + Math.random())
      if (attempt >= MAX_TRIES || deadlineAt - performance.now() < delayMs * 2) throw failed(answer)
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }

  return {
    async put(key, bytes, { contentType }) {
      const answer = await send('PUT', key, { bytes, type: contentType })
      if (answer.status !== 200) throw failed(answer)
    },
    async get(key) {
      const answer = await send('GET', key)
      if (answer.status === 404) return null
      if (answer.status !== 200) throw failed(answer)
      return { body: answer.body, contentType: answer.contentType }
    },
    async delete(key) {
      const answer = await send('DELETE', key)
      if (![200, 204, 404].includes(answer.status)) throw failed(answer)
    },
    close: () => agent.close(),
  }
}

function credentialsFor(config: Extract<ObjectStoreConfig, { kind: 's3' }>, agent: Agent): Credentials {
  if (config.credentials !== undefined) return createCredentials(config.credentials, agent)
  throw new ConfigError([
    'OBJECT_STORE_URL: a bucket needs credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role that EKS ' +
      'gives to the service account',
  ])
}

function toError(err: unknown): Error {
  // What is too large stays too large, so it is not tried again.
  if (err instanceof Error && err.name === 'ServiceError') throw err
  return err instanceof Error ? err : new Error(String(err))
}

function failed(answer: Answer | Error): Error {
  const cause =
    answer instanceof Error
      ? answer
      : new Error(`The object store answered ${answer.status}: ${answer.body.toString('utf8').slice(0, 300)}`)
  if (cause.name === 'TimeoutError') {
    return timeout('object_store_timeout', 'Files could not be stored or read in time; try again', { cause })
  }
  const detail = 'Files cannot be stored or read just now; try again'
  return unavailable('object_store_unavailable', detail, { cause })
}
