import { createHmac } from 'node:crypto'
import { isIP } from 'node:net'
import { Agent } from 'undici'
import { AddressRefused, isPublicAddress, publicLookup } from './webhook-address.ts'

export type WebhookClient = ReturnType<typeof createWebhookClient>

const CONNECT_MS = 3_000
const ANSWER_MS = 10_000
const CONNECTIONS_PER_HOST = 4
/** What a subscriber answers says nothing to us; more than this is not even read. */
const ANSWER_BYTES_MAX = 16 * 1024

/**
 * The header that proves who sent a body and when: the HMAC-SHA256 of `{seconds}.{body}`. Receivers compute it with
 * their secret, compare in constant time, and refuse old times.
 */
export function signatureOf(secret: string, body: string, at: Date): string {
  const seconds = Math.floor(at.getTime() / 1000)
  const hmac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')
  return `t=${seconds},v1=${hmac}`
}

/** Posts to subscribers, whose addresses are not trusted: no redirects, no private addresses, and limits on all. */
export function createWebhookClient({ allowsPrivate }: { allowsPrivate: boolean }) {
  const agent = new Agent({
    connections: CONNECTIONS_PER_HOST,
    pipelining: 1,
    keepAliveTimeout: 10_000,
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
    maxResponseSize: ANSWER_BYTES_MAX,
    connect: { timeout: CONNECT_MS, ...(allowsPrivate ? {} : { lookup: publicLookup }) },
  })
  return {
    /** @returns the status of the answer; throws where there was none. */
    async post(url: string, headers: Record<string, string>, body: string): Promise<number> {
      const { origin, pathname, search, hostname } = new URL(url)
      const host = hostname.replace(/^\[|\]$/g, '')
      if (!allowsPrivate && isIP(host) !== 0 && !isPublicAddress(host)) {
        throw new AddressRefused(`The address ${host} is not public`)
      }
      const answer = await agent.request({
        origin,
        path: pathname + search,
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
        signal: AbortSignal.timeout(ANSWER_MS),
      })
      await answer.body.dump({ limit: ANSWER_BYTES_MAX }).catch(() => undefined)
      return answer.statusCode
    },
    close: () => agent.close(),
  }
}
