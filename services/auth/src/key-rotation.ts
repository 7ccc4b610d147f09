import type { Db } from '@urbanbloom/service-kit/db'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { sealKey } from './key-encryption.ts'
import { findSigningKeys, insertSigningKey, type NewKey, promoteNextKey } from './signing-key-store.ts'

/** Makes the active and the next key where they are missing, as on the first start. Safe on every replica at once. */
export async function ensureSigningKeys(db: Db, secret: string): Promise<void> {
  const states = (await findSigningKeys(db, 0)).map(({ state }) => state)
  for (const state of ['active', 'next'] as const) {
    if (!states.includes(state)) await insertSigningKey(db, await newSigningKey(secret), state)
  }
}

/**
 * Promotes the next key if the active one is at least `ageMs` old, and makes a new next one, which is published
 * from now on so that everyone knows it long before it signs.
 * @returns the id of the key that took over, or null when none was due.
 */
export async function rotateSigningKeys(
  db: Db,
  { secret, ageMs }: { secret: string; ageMs: number },
): Promise<string | null> {
  await ensureSigningKeys(db, secret)
  const promoted = await promoteNextKey(db, ageMs / 1000)
  if (promoted !== null) await ensureSigningKeys(db, secret)
  return promoted
}

async function newSigningKey(secret: string): Promise<NewKey> {
  const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })
  const jwk = await exportJWK(pair.publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  const privateJwk = Buffer.from(JSON.stringify(await exportJWK(pair.privateKey)))
  return {
    kid,
    publicJwk: { ...jwk, kid, alg: 'EdDSA', use: 'sig' },
    privateKey: sealKey(privateJwk, kid, secret),
  }
}
