import { Acceptance, isBetter, type Worth, worthAfter, worthOf } from './acceptance.ts'
import { completePlan, constructPlan } from './construct.ts'
import { Generations } from './generations.ts'
import type { Model } from './model.ts'
import { Neighbours, roundTrip } from './neighbours.ts'
import { copyPlan, createPlan, type Plan, synchronise } from './plan.ts'
import { Random } from './random.ts'
import { BLINK_RATE, createRecreateContext, recreate } from './recreate.ts'
import { ruin } from './ruin.ts'
import type { StopCriterion } from './stop.ts'
import { exchangeTails } from './tail-exchange.ts'
import type { TeamMember } from './team.ts'
import { reverseLegs } from './two-opt.ts'

/** Beyond this many, strings near a stop are no longer near it. */
const RUIN_NEIGHBOURS = 400

/** How often two routes exchange their tails instead of being ruined; that takes a fraction of the time. */
const EXCHANGE_RATE = 0.3

/** How often, instead of exchanging tails, it turns round a part of a route where that is possible. */
const REVERSAL_RATE = 0.5

/**
 * Slack Induction by String Removals (Christiaens & Vanden Berghe, Transportation Science 2020): ruin a few
 * neighbouring routes, recreate greedily, accept by simulated annealing. Now and then two routes exchange their tails
 * instead, or a part of one is turned round. A long search anneals several times and combines the best plans, see
 * `generations.ts`. Feasible at every moment.
 */
export function search(
  model: Model,
  stop: StopCriterion,
  seed: number,
  onImprovement?: (worth: Worth) => void,
  team?: TeamMember,
): Plan {
  const random = new Random(seed)
  const context = createRecreateContext(model, random)
  const current = constructPlan(context, stop)
  const candidate = clonePlan(model, current)
  const best = clonePlan(model, current)
  const neighbours = new Neighbours(model, RUIN_NEIGHBOURS, roundTrip)
  const generations = new Generations(model, !team?.isDivided)
  const acceptance = new Acceptance(model, current, random, generations)
  const exchangesTails = model.stopCount > 1 && model.isPlainBesidesBreaks.includes(1)
  let currentWorth = worthOf(model, current)
  let bestWorth = currentWorth
  let record = currentWorth
  onImprovement?.(record)

  while (!stop.reached()) {
    const meets = team?.isDue(stop.progress) === true
    if (meets && team.meet(current)) break
    const isNext = generations.isDue(stop)
    if (isNext) generations.next(stop, best, bestWorth, context, current)
    if (meets || isNext) {
      copyPlan(current, candidate)
      copyPlan(current, best)
      currentWorth = bestWorth = worthOf(model, current)
    }
    if (exchangesTails && random.unit() < EXCHANGE_RATE) {
      const limit = acceptance.temperature(stop.progress)
      const move = model.shortcuts.isReversible && random.unit() < REVERSAL_RATE ? reverseLegs : exchangeTails
      if (!move(model, candidate, context.neighbours, random, limit)) continue
    } else recreate(context, candidate, ruin(model, candidate, neighbours, random), BLINK_RATE)
    const worth = worthAfter(model, current, currentWorth, candidate)
    if (!acceptance.accepts(candidate, worth, current, currentWorth, stop.progress)) {
      synchronise(model, current, candidate, candidate)
      continue
    }
    synchronise(model, candidate, current, candidate)
    currentWorth = worthOf(model, current)
    if (isBetter(currentWorth, bestWorth)) {
      copyPlan(current, best)
      bestWorth = currentWorth
      if (!isBetter(bestWorth, record)) continue
      record = bestWorth
      onImprovement?.(record)
    }
  }
  generations.keep(best, bestWorth)
  copyPlan(generations.best(), best)
  team?.finish(best)
  return completePlan(context, best, stop)
}

function clonePlan(model: Model, plan: Plan): Plan {
  const clone = createPlan(model)
  copyPlan(plan, clone)
  return clone
}
