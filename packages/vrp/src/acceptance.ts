import type { Generations } from './generations.ts'
import { endNode, type Model, startNode } from './model.ts'
import { absentWeight, type Plan, planCost } from './plan.ts'
import type { Random } from './random.ts'

/** The part of the search in which plans may change for the sake of stops that were absent for long. */
const RESCUE_PHASE = 0.3

/** What a plan is worth: less absent weight first, then less cost. */
export interface Worth {
  readonly absentWeight: number
  readonly cost: number
}

/** The worth of a plan. */
export function worthOf(model: Model, plan: Plan): Worth {
  return { absentWeight: absentWeight(model, plan), cost: planCost(plan) }
}

/** The worth of a plan that differs in its touched routes alone from one whose worth is known. */
export function worthAfter(model: Model, known: Plan, knownWorth: Worth, plan: Plan): Worth {
  let cost = knownWorth.cost
  for (let index = 0; index < plan.count.touched; index++) {
    const vehicle = plan.touched[index]!
    cost += plan.cost[vehicle]! - known.cost[vehicle]!
  }
  return { absentWeight: absentWeight(model, plan), cost }
}

/** Whether the first is strictly better. */
export function isBetter(worth: Worth, than: Worth): boolean {
  if (worth.absentWeight !== than.absentWeight) return worth.absentWeight < than.absentWeight
  return worth.cost < than.cost
}

/**
 * Simulated annealing on the cost among plans that leave out the same weight. While some stops stay absent, a
 * plan is also accepted when its absent stops were absent less often so far (the "sum of absences" of
 * Christiaens & Vanden Berghe 2020), because such stops are the easier ones to place.
 */
export class Acceptance {
  readonly #random: Random
  readonly #legCost: number
  readonly #generations: Generations
  readonly #absences: Float64Array

  constructor(model: Model, first: Plan, random: Random, generations: Generations) {
    this.#random = random
    this.#legCost = meanLegCost(model, first)
    this.#generations = generations
    this.#absences = new Float64Array(model.stopCount)
  }

  /** Whether the search goes on from the candidate, which is worth `worth`, rather than from the current plan. */
  accepts(candidate: Plan, worth: Worth, current: Plan, currentWorth: Worth, progress: number): boolean {
    const isRescue = worth.absentWeight > 0 && progress < RESCUE_PHASE
    const hasFewerAbsences = isRescue && this.#sumOfAbsences(candidate) < this.#sumOfAbsences(current)
    if (isRescue) this.#countAbsences(candidate)
    if (worth.absentWeight !== currentWorth.absentWeight)
      return worth.absentWeight < currentWorth.absentWeight
    if (hasFewerAbsences) return true
    return worth.cost < currentWorth.cost - this.temperature(progress) * Math.log(this.#random.unit())
  }

  /** What a plan may cost more, on average, and still be accepted. */
  temperature(progress: number): number {
    return this.#legCost * this.#generations.heat(progress)
  }

  #countAbsences(plan: Plan): void {
    for (let index = 0; index < plan.count.absent; index++) this.#absences[plan.absent[index]!]!++
  }

  #sumOfAbsences(plan: Plan): number {
    let sum = 0
    for (let index = 0; index < plan.count.absent; index++) sum += this.#absences[plan.absent[index]!]!
    return sum
  }
}

/** The mean price of driving between two stops of the plan. Waiting and serving are no matter of routing. */
function meanLegCost(model: Model, plan: Plan): number {
  let cost = 0
  let legs = 0
  for (let vehicle = 0; vehicle < model.vehicleCount; vehicle++) {
    if (plan.stopCount[vehicle] === 0) continue
    const end = endNode(model, vehicle)
    for (let node = plan.next[startNode(model, vehicle)]!; plan.next[node] !== end; node = plan.next[node]!) {
      const leg = model.place[node]! * model.placeCount + model.place[plan.next[node]!]!
      cost += model.costPerMeter[vehicle]! * model.distance.out[leg]!
      cost += model.costPerSecond[vehicle]! * model.duration[vehicle]!.out[leg]!
      legs++
    }
  }
  return legs > 0 ? cost / legs : 0
}
