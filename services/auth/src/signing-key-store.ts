import type { Db } from '@urbanbloom/service-kit/db'
import type { JWK } from 'jose'

export type KeyState = 'next' | 'active' | 'retired'

export type StoredKey = {
  kid: string
  publicJwk: JWK
  /** Sealed; null once retired. */
  privateKey: Buffer | null
  state: KeyState
}

export type NewKey = { kid: string; publicJwk: JWK; privateKey: Buffer }

type KeyRow = { kid: string; public_jwk: JWK; private_key: Buffer | null; state: KeyState }

/** The keys that tokens may be signed with now, soon, or until `retiredSeconds` ago; never more than a few. */
export async function findSigningKeys(db: Db, retiredSeconds: number): Promise<StoredKey[]> {
  const rows = await db.query<KeyRow>(
    `select kid, public_jwk, private_key, state
     from signing_keys
     where retired_at is null or retired_at > now() - make_interval(secs => $1)
     order by created_at desc
     limit 50`,
    [retiredSeconds],
  )
  return rows.map((row) => ({
    kid: row.kid,
    publicJwk: row.public_jwk,
    privateKey: row.private_key,
    state: row.state,
  }))
}

/** Adds the key unless there is one in that state: of two processes that start together, one wins. */
export async function insertSigningKey(db: Db, key: NewKey, state: 'next' | 'active'): Promise<void> {
  await db.query(
    `insert into signing_keys (kid, public_jwk, private_key, state, activated_at)
     values ($1, $2::jsonb, $3::bytea, $4, case when $4 = 'active' then now() end)
     on conflict do nothing`,
    [key.kid, JSON.stringify(key.publicJwk), key.privateKey, state],
  )
}

/**
 * Lets the next key take over from the active one if that has signed for `ageSeconds`. The active row decides
 * between processes that do this at the same time: the losers find it retired and change nothing.
 * @returns the id of the key that signs from now on, or null when nothing was due.
 */
export async function promoteNextKey(db: Db, ageSeconds: number): Promise<string | null> {
  const [row] = await db.query<{ kid: string }>(
    `with retired as (
       update signing_keys set state = 'retired', retired_at = now(), private_key = null
       where state = 'active' and activated_at <= now() - make_interval(secs => $1)
         and exists (select 1 from signing_keys where state = 'next')
       returning kid
     )
     update signing_keys set state = 'active', activated_at = now()
     where state = 'next' and exists (select 1 from retired)
     returning kid`,
    [ageSeconds],
  )
  return row?.kid ?? null
}

export async function deleteRetiredKeys(db: Db, retiredSeconds: number): Promise<void> {
  await db.query(
    `delete from signing_keys
     where state = 'retired' and retired_at <= now() - make_interval(secs => $1)`,
    [retiredSeconds],
  )
}
