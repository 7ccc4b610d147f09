import { type Db, violates } from '@urbanbloom/service-kit/db'
import type { PlanRecord } from './plan.ts'
import type { Unassigned } from './plannable.ts'

const columns = `id, hub_id, local_date::text as local_date, status, version, scope, cause, is_draft, published_at,
  figures, travel_source, error, created_at, finished_at, unassigned`

type PlanRow = {
  id: string
  hub_id: string
  local_date: string
  status: PlanRecord['status']
  version: number | null
  scope: PlanRecord['scope']
  cause: string | null
  is_draft: boolean
  published_at: Date | null
  figures: PlanRecord['figures']
  travel_source: string | null
  error: string | null
  created_at: Date
  finished_at: Date | null
  unassigned: Unassigned[]
}

export type PlanRequest = {
  hubId: string
  date: string
  /** Null: the day itself asked. */
  requestedBy: string | null
  scope?: PlanRecord['scope'] | undefined
  draft?: boolean | undefined
  cause?: string
}

/**
 * Queues a plan of this day, or finds the one that is queued already. Who asks for more gets it for all: the whole
 * day instead of a repair, in force instead of a draft.
 */
export async function insertQueuedPlan(tx: Db, plan: PlanRequest & { id: string }): Promise<PlanRecord> {
  const [row] = await tx.query<PlanRow>(
    `insert into plans as p (id, hub_id, local_date, status, requested_by, scope, is_draft, cause)
     values ($1, $2, $3, 'queued', $4, $5, $6, $7)
     on conflict (hub_id, local_date) where status = 'queued' do update
       set is_draft = p.is_draft and excluded.is_draft,
           scope = case when p.scope = 'repair' then excluded.scope
                        when excluded.scope = 'fresh' then 'fresh' else p.scope end,
           requested_by = coalesce(p.requested_by, excluded.requested_by)
     returning ${columns}`,
    [
      plan.id,
      plan.hubId,
      plan.date,
      plan.requestedBy,
      plan.scope ?? 'day',
      plan.draft ?? false,
      plan.cause ?? null,
    ],
  )
  if (row === undefined) throw new Error('A plan was neither queued nor found')
  return toPlan(row)
}

export async function findPlan(db: Db, id: string): Promise<PlanRecord | null> {
  const rows = await db.query<PlanRow>(`select ${columns} from plans where id = $1`, [id])
  return rows[0] === undefined ? null : toPlan(rows[0])
}

/** What a run holds while it works: another run that takes the plan over gets the next attempt. */
export type Claim = {
  planId: string
  hubId: string
  date: string
  attempt: number
  scope: PlanRecord['scope']
  isDraft: boolean
}

/**
 * Takes a plan that is queued, or whose run has not been heard of since its lease ended. Null while another plan
 * of the day runs; the end of that one queues this one again.
 */
export async function claimPlan(db: Db, planId: string, leaseMs: number): Promise<Claim | null> {
  try {
    return await takePlan(db, planId, leaseMs)
  } catch (err) {
    if (violates(err, 'plans_one_running')) return null
    throw err
  }
}

async function takePlan(db: Db, planId: string, leaseMs: number): Promise<Claim | null> {
  const rows = await db.query<
    Pick<PlanRow, 'hub_id' | 'local_date' | 'scope' | 'is_draft'> & { attempt: number }
  >(
    `update plans set status = 'running', attempt = attempt + 1,
       lease_until = now() + make_interval(secs => $2::double precision / 1000)
     where id = $1 and (status = 'queued' or (status = 'running' and lease_until < now()))
     returning hub_id, local_date::text as local_date, attempt, scope, is_draft`,
    [planId, leaseMs],
  )
  const row = rows[0]
  if (row === undefined) return null
  const { attempt, scope } = row
  return { planId, hubId: row.hub_id, date: row.local_date, attempt, scope, isDraft: row.is_draft }
}

/** Whether the run still holds the plan; locks it. */
export async function lockClaim(tx: Db, claim: Claim): Promise<boolean> {
  const rows = await tx.query(
    `select id from plans where id = $1 and attempt = $2 and status = 'running' for update`,
    [claim.planId, claim.attempt],
  )
  return rows.length > 0
}

export async function failPlan(db: Db, claim: Claim, error: string): Promise<void> {
  await db.query(
    `update plans set status = 'failed', lease_until = null, finished_at = now(), error = $3
     where id = $1 and attempt = $2 and status = 'running'`,
    [claim.planId, claim.attempt, error],
  )
}

/** The plan of the same day that waits for this one's end. */
export async function findQueuedPlan(
  tx: Db,
  { hubId, date }: Pick<Claim, 'hubId' | 'date'>,
): Promise<{ id: string; hubId: string; date: string } | null> {
  const rows = await tx.query<{ id: string }>(
    `select id from plans where hub_id = $1 and local_date = $2 and status = 'queued'`,
    [hubId, date],
  )
  return rows[0] === undefined ? null : { id: rows[0].id, hubId, date }
}

/** Plans whose run ended without a word. */
export async function listLostPlans(db: Db): Promise<{ id: string; hubId: string; date: string }[]> {
  return db.query(
    `select id, hub_id as "hubId", local_date::text as date from plans
     where status = 'running' and lease_until < now() limit 50`,
  )
}

/** The plans of a hub's day, the newest first. */
export async function listPlans(
  db: Db,
  page: { hubId: string; date: string; before: string | null; limit: number },
): Promise<PlanRecord[]> {
  const rows = await db.query<PlanRow>(
    `select ${columns} from plans
     where hub_id = $1 and local_date = $2 and ($3::uuid is null or id < $3::uuid) order by id desc limit $4`,
    [page.hubId, page.date, page.before, page.limit],
  )
  return rows.map(toPlan)
}

/** Whether a plan of the day is in force. */
export async function hasPublishedPlan(
  db: Db,
  { hubId, date }: { hubId: string; date: string },
): Promise<boolean> {
  const rows = await db.query(
    'select id from plans where hub_id = $1 and local_date = $2 and published_at is not null limit 1',
    [hubId, date],
  )
  return rows.length > 0
}

function toPlan(row: PlanRow): PlanRecord {
  return {
    id: row.id,
    hubId: row.hub_id,
    date: row.local_date,
    status: row.status,
    version: row.version,
    scope: row.scope,
    cause: row.cause,
    draft: row.is_draft,
    publishedAt: row.published_at?.toISOString() ?? null,
    figures: row.figures,
    travelSource: row.travel_source,
    ...(row.error === null ? {} : { error: row.error }),
    createdAt: row.created_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
    unassigned: row.unassigned,
  }
}
