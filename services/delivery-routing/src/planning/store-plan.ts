import type { Db } from '@urbanbloom/service-kit/db'
import { newId } from '@urbanbloom/service-kit/ids'
import type { Context } from '../context.ts'
import type { Route } from '../dispatch/route.ts'
import { listRoutesOfDay, lockRoutes } from '../dispatch/route-store.ts'
import { recordChanges } from '../stream/record-changes.ts'
import { commitmentsOf } from './day.ts'
import type { NewPlan } from './from-solution.ts'
import { finishDraft, finishPlan } from './plan-results.ts'
import { type Claim, lockClaim } from './plan-store.ts'
import { figuresOf, type InForce, putInForce, snapshotOf } from './put-in-force.ts'
import { enqueueNextPlan } from './request-plan.ts'

type Solved = {
  claim: Claim
  /** Of the day that was solved. */
  commitments: string
  plan: NewPlan
  travelSource: string | null
  /** The shifts that were planned; null: all of the day. */
  shiftIds: ReadonlySet<string> | null
}

/**
 * Puts a plan in force in one transaction, or keeps it as a draft. Routes that a driver has started stay as they are,
 * as do those of shifts that were not planned; all others of the day become what the plan says. A delivery that was
 * released during the solve is dropped.
 * @returns `changed` when routes were started or pinned during the solve, so that the day must be solved again;
 * `lost` when another run has taken the plan over. Nothing is written then.
 */
export async function storePlan(ctx: Context, solved: Solved): Promise<'done' | 'changed' | 'lost'> {
  const { claim, plan, travelSource } = solved
  const outcome = await recordChanges(ctx, async (tx, changes) => {
    await lockDay(tx, claim)
    if (!(await lockClaim(tx, claim))) return 'lost'
    const before = await lockRoutesOfDay(tx, claim)
    if (commitmentsOf(before) !== solved.commitments) return 'changed'
    if (claim.isDraft) {
      const figures = figuresOf(plan, before, solved.shiftIds)
      const { commitments } = solved
      const { unassigned } = plan
      await finishDraft(tx, claim, {
        unassigned,
        travelSource,
        figures,
        proposal: withIds(plan, before),
        commitments,
      })
    } else await finishInForce(ctx, tx, { ...solved, changes, before })
    await enqueueNextPlan(ctx, tx, claim)
    return 'done'
  })
  // What a draft would leave out is not left out yet.
  if (outcome === 'done' && !claim.isDraft) {
    const planned = plan.routes.reduce((sum, { stops }) => sum + stops.length, 0)
    ctx.metrics.plannedStops.inc({ outcome: 'planned' }, planned)
    const unassigned = plan.unassigned.length
    ctx.metrics.plannedStops.inc({ outcome: 'unassigned' }, unassigned)
    ctx.log.info({ event: 'plan_stored', planId: claim.planId, planned, unassigned }, 'plan stored')
  }
  return outcome
}

/** A draft has the ids that it will have: those that its routes and stops have already, or new ones. */
function withIds(plan: NewPlan, before: readonly Route[]): NewPlan {
  const planned = before.filter(({ status }) => status === 'planned')
  const stopIds = new Map(
    planned.flatMap(({ stops }) => stops.map(({ orderId, id }) => [orderId, id] as const)),
  )
  const routes = plan.routes.map((route) => ({
    ...route,
    id: planned.find(({ shiftId }) => shiftId === route.shiftId)?.id ?? newId(),
    stops: route.stops.map((stop) => ({ ...stop, id: stopIds.get(stop.orderId) ?? newId() })),
  }))
  return { ...plan, routes }
}

/** Plans of one hub and day are stored one after the other. */
export async function lockDay(tx: Db, { hubId, date }: Pick<Claim, 'hubId' | 'date'>): Promise<void> {
  await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`plan:${hubId}:${date}`])
}

export async function lockRoutesOfDay(tx: Db, { hubId, date }: Pick<Claim, 'hubId' | 'date'>) {
  const known = await listRoutesOfDay(tx, { hubId, date })
  return lockRoutes(
    tx,
    known.map(({ id }) => id),
  )
}

/** The plan as the day's newest version; the caller holds the day's lock and its routes. */
export async function finishInForce(
  ctx: Context,
  tx: Db,
  given: InForce & { travelSource: string | null },
): Promise<void> {
  const { claim, plan, before, shiftIds, travelSource } = given
  const figures = figuresOf(plan, before, shiftIds)
  await putInForce(ctx, tx, given)
  const snapshot = snapshotOf(await listRoutesOfDay(tx, claim))
  await finishPlan(tx, claim, { unassigned: plan.unassigned, travelSource, figures, snapshot })
}
