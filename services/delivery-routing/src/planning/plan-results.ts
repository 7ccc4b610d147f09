import type { Db } from '@urbanbloom/service-kit/db'
import { deleteInBatches } from '@urbanbloom/service-kit/delete-batches'
import type { NewPlan, NewRoute } from './from-solution.ts'
import type { PlanRecord, SnapshotRoute } from './plan.ts'
import type { Claim } from './plan-store.ts'
import type { Unassigned } from './plannable.ts'

const HISTORY_DAYS = 60

type Finished = {
  unassigned: readonly Unassigned[]
  travelSource: string | null
  figures: PlanRecord['figures']
}

/** The newest version of the day, in force; the caller holds the day's lock. */
export async function finishPlan(
  tx: Db,
  claim: Pick<Claim, 'planId' | 'hubId' | 'date'>,
  result: Finished & { snapshot: readonly SnapshotRoute[] },
): Promise<void> {
  await tx.query(
    `update plans set status = 'done', lease_until = null, finished_at = coalesce(finished_at, now()),
       is_draft = false, published_at = now(), unassigned = $2::jsonb, travel_source = $3, figures = $4::jsonb,
       snapshot = $5::jsonb, proposal = null, version = 1 + coalesce(
         (select max(version) from plans where hub_id = $6 and local_date = $7 and id <> $1), 0)
     where id = $1`,
    [
      claim.planId,
      JSON.stringify(result.unassigned),
      result.travelSource,
      JSON.stringify(result.figures),
      JSON.stringify(result.snapshot),
      claim.hubId,
      claim.date,
    ],
  )
}

/** A version that waits for somebody to publish it; publishing makes it the newest. */
export async function finishDraft(
  tx: Db,
  claim: Claim,
  result: Finished & { proposal: NewPlan; commitments: string },
): Promise<void> {
  await tx.query(
    `update plans set status = 'done', lease_until = null, finished_at = now(), unassigned = $2::jsonb,
       travel_source = $3, figures = $4::jsonb, proposal = $5::jsonb, commitments = $6, version = 1 + coalesce(
         (select max(version) from plans where hub_id = $7 and local_date = $8), 0)
     where id = $1`,
    [
      claim.planId,
      JSON.stringify(result.unassigned),
      result.travelSource,
      JSON.stringify(result.figures),
      JSON.stringify(result.proposal),
      result.commitments,
      claim.hubId,
      claim.date,
    ],
  )
}

/**
 * A plan that is done, locked; its proposal is null once it is in force. Overtaken means that another plan was put in
 * force after it was made. The routes' dates come back as dates.
 */
export async function findDraft(tx: Db, id: string) {
  const [row] = await tx.query<{
    proposal: StoredProposal | null
    commitments: string | null
    travel_source: string | null
    is_overtaken: boolean
  }>(
    `select p.proposal, p.commitments, p.travel_source, exists (
       select from plans newer where newer.hub_id = p.hub_id and newer.local_date = p.local_date
         and newer.published_at > p.finished_at) as is_overtaken
     from plans p where p.id = $1 and p.status = 'done' for update of p`,
    [id],
  )
  if (row === undefined) return null
  return {
    proposal: row.proposal === null ? null : fromStored(row.proposal),
    commitments: row.commitments,
    travelSource: row.travel_source,
    isOvertaken: row.is_overtaken,
  }
}

/** What a draft would put in force. */
export async function findProposal(db: Db, id: string): Promise<NewPlan | null> {
  const [row] = await db.query<{ proposal: StoredProposal | null }>(
    'select proposal from plans where id = $1',
    [id],
  )
  return row === undefined || row.proposal === null ? null : fromStored(row.proposal)
}

/** JSON keeps dates as text. */
type StoredProposal = {
  routes: (Omit<NewRoute, 'startsAt' | 'endsAt' | 'stops'> & {
    startsAt: string
    endsAt: string
    stops: (Omit<NewRoute['stops'][number], 'plannedArrival'> & { plannedArrival: string })[]
  })[]
  unassigned: Unassigned[]
}

function fromStored({ routes, unassigned }: StoredProposal): NewPlan {
  return {
    unassigned,
    routes: routes.map((route) => ({
      ...route,
      startsAt: new Date(route.startsAt),
      endsAt: new Date(route.endsAt),
      stops: route.stops.map((stop) => ({ ...stop, plannedArrival: new Date(stop.plannedArrival) })),
    })),
  }
}

/** The routes of the day as a version left them; null where they are forgotten or never were in force. */
export async function findSnapshot(db: Db, id: string): Promise<SnapshotRoute[] | null> {
  const rows = await db.query<{ snapshot: SnapshotRoute[] | null }>(
    'select snapshot from plans where id = $1',
    [id],
  )
  return rows[0]?.snapshot ?? null
}

/** What versions of long ago said is forgotten; that there was a plan, and its figures, stay. */
export async function forgetOldSnapshots(db: Db): Promise<void> {
  await deleteInBatches(
    db,
    `update plans set snapshot = null, proposal = null where id in (
       select id from plans
       where (snapshot is not null or proposal is not null) and created_at < now() - make_interval(days => $2)
       limit $1 for update skip locked)
     returning 1`,
    [HISTORY_DAYS],
  )
}
