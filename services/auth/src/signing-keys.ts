import { type Role, tokenAudience, tokenIssuer } from '@urbanbloom/service-kit/auth'
import type { Db } from '@urbanbloom/service-kit/db'
import { newId } from '@urbanbloom/service-kit/ids'
import {
  type CryptoKey,
  createLocalJWKSet,
  errors,
  importJWK,
  type JWK,
  type JWTVerifyGetKey,
  SignJWT,
} from 'jose'
import { openKey } from './key-encryption.ts'
import { ensureSigningKeys } from './key-rotation.ts'
import { findSigningKeys, type StoredKey } from './signing-key-store.ts'

/** Another process may have rotated; nobody needs to know sooner than this. */
const RELOAD_COOLDOWN_MS = 1_000
/** A process may sign with the key it knows for a while after another one has retired it. */
const RETIRED_MARGIN_SECONDS = 3_600

type Loaded = {
  kid: string
  privateKey: CryptoKey
  published: JWK[]
  find: JWTVerifyGetKey
  at: number
}

export type SigningKeys = ReturnType<typeof createSigningKeys>

/** How long a retired key is published: until the last token that it signed has expired, with a margin. */
export function retiredKeySeconds(accessSeconds: number): number {
  return accessSeconds + RETIRED_MARGIN_SECONDS
}

/** The signing keys as this process knows them: loaded on first need, again by `reload` and for an unknown key id. */
export function createSigningKeys(db: Db, options: { secret: string; accessSeconds: number }) {
  let loaded: Loaded | undefined
  let loading: Promise<Loaded> | undefined

  async function load(): Promise<Loaded> {
    await ensureSigningKeys(db, options.secret)
    const keys = await findSigningKeys(db, retiredKeySeconds(options.accessSeconds))
    const active = keys.find(({ state }) => state === 'active')
    if (active === undefined) throw new Error('The table signing_keys has no active key')
    const published = keys.map(({ publicJwk }) => publicJwk)
    return {
      kid: active.kid,
      privateKey:
        loaded?.kid === active.kid ? loaded.privateKey : await openPrivateKey(active, options.secret),
      published,
      find: createLocalJWKSet({ keys: published }),
      at: performance.now(),
    }
  }

  /** Loads once, however many ask at the same time. */
  async function reload(): Promise<Loaded> {
    loading ??= load().finally(() => (loading = undefined))
    loaded = await loading
    return loaded
  }

  /** What is known and not older than the cooldown. When the database is away, what is known, however old. */
  async function newest(): Promise<Loaded> {
    if (loaded !== undefined && performance.now() - loaded.at < RELOAD_COOLDOWN_MS) return loaded
    try {
      return await reload()
    } catch (err) {
      if (loaded === undefined) throw err
      return loaded
    }
  }

  return {
    reload,
    /** Resolves when this process can sign; rejects with the reason why not. */
    async ready(): Promise<void> {
      if (loaded === undefined) await reload()
    },
    /** The public keys to publish. */
    published: async (): Promise<JWK[]> => (await newest()).published,
    /** The key of a token to verify. */
    find: (async (header, token) => {
      const known = loaded ?? (await reload())
      try {
        return await known.find(header, token)
      } catch (err) {
        if (!(err instanceof errors.JWKSNoMatchingKey)) throw err
        return (await newest()).find(header, token)
      }
    }) satisfies JWTVerifyGetKey as JWTVerifyGetKey,
    /** Signs the access token of a session. */
    async sign(claims: { accountId: string; role: Role; sessionId: string }): Promise<string> {
      const { kid, privateKey } = loaded ?? (await reload())
      return new SignJWT({ role: claims.role, sid: claims.sessionId })
        .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'JWT' })
        .setIssuer(tokenIssuer)
        .setAudience(tokenAudience)
        .setSubject(claims.accountId)
        .setJti(newId())
        .setIssuedAt()
        .setExpirationTime(`${options.accessSeconds}s`)
        .sign(privateKey)
    },
  }
}

async function openPrivateKey({ kid, privateKey }: StoredKey, secret: string): Promise<CryptoKey> {
  if (privateKey === null) throw new Error(`The signing key ${kid} has no private part`)
  const jwk = JSON.parse(openKey(privateKey, kid, secret).toString('utf8')) as JWK
  return (await importJWK(jwk, 'EdDSA')) as CryptoKey
}
