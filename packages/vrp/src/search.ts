import { Acceptance, isBetter, type Worth, worthAfter, worthOf } from './acceptance.ts'
import { completePlan, constructPlan } from './construct.ts'
import type { Model } from './model.ts'
import { Neighbours, roundTrip } from './neighbours.ts'
import { copyPlan, createPlan, type Plan, synchronise } from './plan.ts'
import { Random } from './random.ts'
import { BLINK_RATE, createRecreateContext, recreate } from './recreate.ts'
import { ruin } from './ruin.ts'
import type { StopCriterion } from './stop.ts'
import { exchangeTails } from './tail-exchange.ts'
import type { TeamMember } from './team.ts'

/** Beyond this many, strings near a stop are no longer near it. */
const RUIN_NEIGHBOURS = 400

/** How often two routes exchange their tails instead of being ruined; that takes a fraction of the time. */
const EXCHANGE_RATE = 0.3

/**
 * Slack Induction by String Removals (Christiaens & Vanden Berghe, Transportation Science 2020): ruin a few
 * neighbouring routes, recreate greedily, accept by simulated annealing. Now and then two routes exchange their tails
 * instead. Feasible at every moment.
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
  const acceptance = new Acceptance(model, current, random)
  const exchangesTails = model.stopCount > 1 && model.isPlainBesidesBreaks.includes(1)
  let currentWorth = worthOf(model, current)
  let bestWorth = currentWorth
  onImprovement?.(bestWorth)

  while (!stop.reached()) {
    if (team?.isDue(stop.progress)) {
      if (team.meet(current)) break
      copyPlan(current, candidate)
      copyPlan(current, best)
      currentWorth = bestWorth = worthOf(model, current)
    }
    if (exchangesTails && random.unit() < EXCHANGE_RATE) {
      const limit = acceptance.temperature(stop.progress)
      if (!exchangeTails(model, candidate, context.neighbours, random, limit)) continue
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
      onImprovement?.(bestWorth)
    }
  }
  team?.finish(best)
  return completePlan(context, best, stop)
}

function clonePlan(model: Model, plan: Plan): Plan {
  const clone = createPlan(model)
  copyPlan(plan, clone)
  return clone
}
