import { setTimeout as delay } from 'node:timers/promises'
import { Failure } from '@urbanbloom/local/failure'
import type { Cluster } from './connection.ts'
import { diagnose } from './diagnose.ts'
import { expectDeployments, isComplete, isFailed, isRolledOut, listNewestJobs, nameOf } from './workloads.ts'

const POLL_MS = 1_000
/** How long something may take before it is looked into. */
const PATIENCE_MS = 15_000
const LOOK_EVERY_MS = 10_000

/**
 * Waits until every Deployment, or those that are named, runs its newest version only, and the newest Job of each kind
 * is done. While something takes its time, `say` hears why, once for each reason.
 * @throws Failure with what is missing and why once `limitMs` are over, and at once when a Job has finally failed.
 */
export async function waitForRollouts(
  cluster: Cluster,
  options: { limitMs: number; only?: readonly string[]; say: (line: string) => void },
): Promise<void> {
  const { limitMs, only, say } = options
  const begin = performance.now()
  const told = new Set<string>()
  let lookAt = begin + Math.min(PATIENCE_MS, limitMs / 2)
  for (;;) {
    const late = await findUnfinished(cluster, only)
    if (late.length === 0) return
    const failed = late.filter(({ kind, owner }) => kind === 'Job' && isFailed(owner))
    if (failed.length > 0) {
      const reasons = await explain(cluster, failed)
      throw new Failure(
        `A Job has failed and is not tried again:\n${reasons.join('\n')}\nOnce the reason is mended, delete the Job and apply again.`,
      )
    }
    const now = performance.now()
    if (now >= begin + limitMs) {
      const reasons = await explain(cluster, late)
      throw new Failure(`Not all is well after ${Math.round(limitMs / 1_000)} s:\n${reasons.join('\n')}`)
    }
    if (now >= lookAt) {
      for (const reason of await explain(cluster, late)) {
        if (!told.has(reason)) say(reason)
        told.add(reason)
      }
      lookAt = performance.now() + LOOK_EVERY_MS
    }
    await delay(Math.min(POLL_MS, limitMs / 10))
  }
}

type Unfinished = Awaited<ReturnType<typeof findUnfinished>>

async function findUnfinished(cluster: Cluster, only: readonly string[] | undefined) {
  const [deployments, jobs] = await Promise.all([expectDeployments(cluster), listNewestJobs(cluster)])
  const wanted = only === undefined ? deployments : deployments.filter((each) => only.includes(nameOf(each)))
  return [
    ...wanted
      .filter((deployment) => !isRolledOut(deployment))
      .map((owner) => ({ kind: 'Deployment', owner })),
    ...(only === undefined ? jobs.filter((job) => !isComplete(job)) : []).map((owner) => ({
      kind: 'Job',
      owner,
    })),
  ]
}

async function explain(cluster: Cluster, late: Unfinished): Promise<string[]> {
  const reasons = await Promise.all(
    late.map(async ({ kind, owner }) =>
      (await diagnose(cluster, owner)).map((reason) => `  ✗ ${kind} ${nameOf(owner)}: ${reason}`),
    ),
  )
  return reasons.flat()
}
