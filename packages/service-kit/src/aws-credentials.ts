import { readFile } from 'node:fs/promises'
import { type Dispatcher, request } from 'undici'
import * as z from 'zod'
import type { CredentialSource } from './object-store.ts'

export type Keys = { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
type Lease = Keys & { expiresAt: number }
type RoleSource = Exclude<CredentialSource, { kind: 'keys' }>

export type Credentials = {
  /** Keys that are valid now. @throws the signal's reason, or why the role gave none. */
  current(signal: AbortSignal): Promise<Keys>
}

/** Renewed this long before they end, so that a request that is signed now is still valid when it arrives. */
const RENEW_BEFORE_MS = 5 * 60_000
const RENEW_TIMEOUT_MS = 5_000
const SESSION_NAME = 'urbanbloom'

/**
 * Keys to sign with. Those of a role are fetched when first needed, shared by all who wait, and renewed five
 * minutes before they end; while a renewal fails, what is left of them is used.
 */
export function createCredentials(source: CredentialSource, dispatcher: Dispatcher): Credentials {
  if (source.kind !== 'keys') return createRoleCredentials(source, dispatcher)
  const { accessKeyId, secretAccessKey, sessionToken } = source
  const keys = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
  return { current: async () => keys }
}

function createRoleCredentials(source: RoleSource, dispatcher: Dispatcher): Credentials {
  let lease: Lease | undefined
  let renewal: Promise<Lease> | undefined

  const renew = async (): Promise<Lease> => {
    try {
      lease = await (source.kind === 'web_identity'
        ? fromSts(source, dispatcher)
        : fromAgent(source, dispatcher))
      return lease
    } finally {
      renewal = undefined
    }
  }
  return {
    async current(signal) {
      const now = Date.now()
      const known = lease
      if (known !== undefined && now < known.expiresAt - RENEW_BEFORE_MS) return known
      renewal ??= renew()
      const fresh = Promise.race([renewal, aborted(signal)])
      return known !== undefined && now < known.expiresAt ? fresh.catch(() => known) : fresh
    },
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
}

/**
 * AssumeRoleWithWebIdentity needs no signature; the file's token, which the kubelet renews, proves who we are.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 */
async function fromSts(
  source: Extract<CredentialSource, { kind: 'web_identity' }>,
  dispatcher: Dispatcher,
): Promise<Lease> {
  const token = (await readFile(source.tokenFile, 'utf8')).trim()
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: source.roleArn,
    RoleSessionName: SESSION_NAME,
    WebIdentityToken: token,
  })
  const text = await ask(source.stsUrl, dispatcher, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  })
  const field = (name: string) => {
    const value = new RegExp(`<${name}>([^<]+)</${name}>`).exec(text)?.[1]
    if (value === undefined) throw new Error(`The answer of STS has no ${name}`)
    return value
  }
  return {
    accessKeyId: field('AccessKeyId'),
    secretAccessKey: field('SecretAccessKey'),
    sessionToken: field('SessionToken'),
    expiresAt: Date.parse(field('Expiration')),
  }
}

const AgentAnswer = z.object({
  AccessKeyId: z.string().min(1),
  SecretAccessKey: z.string().min(1),
  Token: z.string().min(1),
  Expiration: z.iso.datetime({ offset: true }),
})

/** @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
async function fromAgent(
  source: Extract<CredentialSource, { kind: 'container' }>,
  dispatcher: Dispatcher,
): Promise<Lease> {
  const authorization = (await readFile(source.tokenFile, 'utf8')).trim()
  const text = await ask(source.url, dispatcher, { method: 'GET', headers: { authorization } })
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = AgentAnswer.parse(JSON.parse(text))
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: Token,
    expiresAt: Date.parse(Expiration),
  }
}

async function ask(
  url: string,
  dispatcher: Dispatcher,
  options: { method: 'GET' | 'POST'; headers: Record<string, string>; body?: string },
): Promise<string> {
  const signal = AbortSignal.timeout(RENEW_TIMEOUT_MS)
  const response = await request(url, { ...options, dispatcher, signal })
  const text = await response.body.text()
  if (response.statusCode === 200) return text
  throw new Error(`${new URL(url).host} gave no credentials: ${response.statusCode} ${text.slice(0, 300)}`)
}
