import { type Db, violates } from '@urbanbloom/service-kit/db'
import type { PlanRecord } from './plan.ts'
import type { Unassigned } from './to-problem.ts'

const columns = `id, hub_id, local_date::text as local_date, status, version, travel_source, error, created_at,
  finished_at, unassigned`

type PlanRow = {
  id: string
  hub_id: string
  local_date: string
  status: PlanRecord['status']
  version: number | null
  travel_source: string | null
  error: string | null
  created_at: Date
  finished_at: Date | null
  unassigned: Unassigned[]
}

/** Queues a plan of this day, or finds the one that is queued already; null when that was taken up just now. */
export async function insertQueuedPlan(
  tx: Db,
  plan: { id: string; hubId: string; date: string; requestedBy: string },
): Promise<PlanRecord | null> {
  const inserted = await tx.query<PlanRow>(
    `insert into plans (id, hub_id, local_date, status, requested_by) values ($1, $2, $3, 'queued', $4)
     on conflict (hub_id, local_date) where status = 'queued' do nothing
     returning ${columns}`,
    [plan.id, plan.hubId, plan.date, plan.requestedBy],
  )
  if (inserted[0] !== undefined) return toPlan(inserted[0])
  const queued = await tx.query<PlanRow>(
    `select ${columns} from plans where hub_id = $1 and local_date = $2 and status = 'queued' for update`,
    [plan.hubId, plan.date],
  )
  return queued[0] === undefined ? null : toPlan(queued[0])
}

export async function findPlan(db: Db, id: string): Promise<PlanRecord | null> {
  const rows = await db.query<PlanRow>(`select ${columns} from plans where id = $1`, [id])
  return rows[0] === undefined ? null : toPlan(rows[0])
}

/** What a run holds while it works: another run that takes the plan over gets the next attempt. */
export type Claim = { planId: string; hubId: string; date: string; attempt: number }

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
  const rows = await db.query<{ hub_id: string; local_date: string; attempt: number }>(
    `update plans set status = 'running', attempt = attempt + 1,
       lease_until = now() + make_interval(secs => $2::double precision / 1000)
     where id = $1 and (status = 'queued' or (status = 'running' and lease_until < now()))
     returning hub_id, local_date::text as local_date, attempt`,
    [planId, leaseMs],
  )
  const row = rows[0]
  return row === undefined ? null : { planId, hubId: row.hub_id, date: row.local_date, attempt: row.attempt }
}

/** Whether the run still holds the plan; locks it. */
export async function lockClaim(tx: Db, claim: Claim): Promise<boolean> {
  const rows = await tx.query(
    `select id from plans where id = $1 and attempt = $2 and status = 'running' for update`,
    [claim.planId, claim.attempt],
  )
  return rows.length > 0
}

/** The newest version of the day; the caller holds the day's lock. */
export async function finishPlan(
  tx: Db,
  claim: Claim,
  result: { unassigned: readonly Unassigned[]; travelSource: string | null },
): Promise<void> {
  await tx.query(
    `update plans set status = 'done', lease_until = null, finished_at = now(), unassigned = $2::jsonb,
       travel_source = $3, version = 1 + coalesce(
         (select max(version) from plans where hub_id = $4 and local_date = $5), 0)
     where id = $1`,
    [claim.planId, JSON.stringify(result.unassigned), result.travelSource, claim.hubId, claim.date],
  )
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
  { hubId, date }: Claim,
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

function toPlan(row: PlanRow): PlanRecord {
  return {
    id: row.id,
    hubId: row.hub_id,
    date: row.local_date,
    status: row.status,
    version: row.version,
    travelSource: row.travel_source,
    ...(row.error === null ? {} : { error: row.error }),
    createdAt: row.created_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
    unassigned: row.unassigned,
  }
}
