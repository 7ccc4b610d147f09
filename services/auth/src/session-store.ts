import type { Db } from '@urbanbloom/service-kit/db'
import type { Account } from './account.ts'
import type { Session } from './session.ts'

export type EndReason = 'logout' | 'removed' | 'token_reused' | 'password_changed'

type SessionRow = {
  id: string
  user_agent: string | null
  created_at: Date
  last_used_at: Date
  expires_at: Date
}

function toSession(row: SessionRow): Session {
  return {
    id: row.id,
    userAgent: row.user_agent,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
  }
}

/** Begins a session with its first refresh token. */
export async function insertSession(
  db: Db,
  session: {
    id: string
    accountId: string
    userAgent: string | null
    tokenHash: Buffer
    refreshSeconds: number
  },
): Promise<void> {
  await db.query(
    `with session as (
       insert into sessions (id, account_id, user_agent, expires_at)
       values ($1::uuid, $2::uuid, $3, now() + make_interval(secs => $5))
       returning id, expires_at
     )
     insert into refresh_tokens (hash, session_id, expires_at)
     select $4::bytea, id, expires_at from session`,
    [session.id, session.accountId, session.userAgent, session.tokenHash, session.refreshSeconds],
  )
}

type Rotated = { sessionId: string; account: Pick<Account, 'id' | 'role'> }

/**
 * Uses a refresh token up and issues its successor. The row of the old token decides who wins a race; a session
 * that ends at the same moment wins against both.
 * @returns null where the token is not one that works.
 */
export async function rotateRefreshToken(
  db: Db,
  given: Buffer,
  successor: Buffer,
  refreshSeconds: number,
): Promise<Rotated | null> {
  const [row] = await db.query<{ session_id: string; account_id: string; role: Account['role'] }>(
    `with used as (
       update refresh_tokens t set used_at = now()
       from sessions s
       where t.hash = $1::bytea and t.used_at is null and t.expires_at > now()
         and s.id = t.session_id and s.ended_at is null
       returning t.session_id
     ), extended as (
       update sessions s set last_used_at = now(), expires_at = now() + make_interval(secs => $3)
       from used
       where s.id = used.session_id and s.ended_at is null
       returning s.id, s.account_id, s.expires_at
     ), issued as (
       insert into refresh_tokens (hash, session_id, expires_at)
       select $2::bytea, id, expires_at from extended
     )
     select e.id as session_id, e.account_id, a.role
     from extended e join accounts a on a.id = e.account_id`,
    [given, successor, refreshSeconds],
  )
  if (row === undefined) return null
  return { sessionId: row.session_id, account: { id: row.account_id, role: row.role } }
}

export type RefusedToken = 'unknown' | 'used' | 'expired' | 'ended'

/** Why `rotateRefreshToken` refused a token. A used one ends its session in the same statement. */
export async function refuseRefreshToken(
  db: Db,
  hash: Buffer,
): Promise<{ reason: RefusedToken; endedSessionId: string | null }> {
  const [row] = await db.query<{ reason: RefusedToken; ended_session_id: string | null }>(
    `with given as (
       select t.session_id, t.used_at, s.ended_at, s.end_reason
       from refresh_tokens t join sessions s on s.id = t.session_id
       where t.hash = $1::bytea
     ), ended as (
       update sessions s set ended_at = now(), end_reason = 'token_reused'
       from given
       where s.id = given.session_id and s.ended_at is null and given.used_at is not null
       returning s.id
     )
     select case when used_at is not null and (ended_at is null or end_reason = 'token_reused') then 'used'
                 when ended_at is not null then 'ended'
                 else 'expired'
            end as reason,
            (select id from ended) as ended_session_id
     from given`,
    [hash],
  )
  if (row === undefined) return { reason: 'unknown', endedSessionId: null }
  return { reason: row.reason, endedSessionId: row.ended_session_id }
}

/** The sessions of an account that may still be refreshed, the newest first, from before the id `cursor`. */
export async function listSessions(
  db: Db,
  accountId: string,
  page: { limit: number; before: string | null },
): Promise<Session[]> {
  const rows = await db.query<SessionRow>(
    `select id, user_agent, created_at, last_used_at, expires_at
     from sessions
     where account_id = $1::uuid and ended_at is null and expires_at > now()
       and ($2::uuid is null or id < $2::uuid)
     order by id desc
     limit $3`,
    [accountId, page.before, page.limit],
  )
  return rows.map(toSession)
}

export async function isSessionLive(db: Db, id: string, accountId: string): Promise<boolean> {
  const rows = await db.query(
    `select 1 from sessions
     where id = $1::uuid and account_id = $2::uuid and ended_at is null and expires_at > now()`,
    [id, accountId],
  )
  return rows.length > 0
}

/** @returns whether the account had such a session and it was live. */
export async function endSession(db: Db, id: string, accountId: string, reason: EndReason): Promise<boolean> {
  const rows = await db.query(
    `update sessions set ended_at = now(), end_reason = $3
     where id = $1::uuid and account_id = $2::uuid and ended_at is null and expires_at > now()
     returning id`,
    [id, accountId, reason],
  )
  return rows.length > 0
}

/** Ends the session that a refresh token belongs to, used or not. */
export async function endSessionOfToken(db: Db, hash: Buffer, reason: EndReason): Promise<void> {
  await db.query(
    `update sessions set ended_at = now(), end_reason = $2
     where id = (select session_id from refresh_tokens where hash = $1::bytea) and ended_at is null`,
    [hash, reason],
  )
}

export async function endOtherSessions(
  db: Db,
  accountId: string,
  keepId: string,
  reason: EndReason,
): Promise<void> {
  await db.query(
    `update sessions set ended_at = now(), end_reason = $3
     where account_id = $1::uuid and id <> $2::uuid and ended_at is null`,
    [accountId, keepId, reason],
  )
}
