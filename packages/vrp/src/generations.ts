import { isBetter, type Worth } from './acceptance.ts'
import type { Model } from './model.ts'
import { copyPlan, createPlan, type Plan } from './plan.ts'
import { BLINK_RATE, type RecreateContext, recreate } from './recreate.ts'
import { crossRoutes } from './route-crossover.ts'
import type { StopCriterion } from './stop.ts'

/** An anneal: its temperatures as shares of the mean cost of a leg, and its length in iterations for each stop. */
interface Anneal {
  readonly initialHeat: number
  readonly finalHeat: number
  readonly iterationsPerStop: number
}

const FOUNDERS = 3
const MIN_CHILDREN = 2
const FOUNDER: Anneal = { initialHeat: 2, finalHeat: 0.04, iterationsPerStop: 1_000 }
const CHILD: Anneal = { initialHeat: 0.4, finalHeat: 0.04, iterationsPerStop: 400 }

/** How many of the best plans have children. */
const MOST_ELITES = 6

/** After this part of the search it is known how many iterations it will have. */
const PROBATION = 0.01

/**
 * Divides a long search into anneals. One anneal, however slow, settles in one region of the plans; another seed finds
 * another. So where there are iterations enough, a few founders are annealed one after the other, and then children
 * of two of the best plans, from a temperature at which what they inherited survives: a memetic algorithm (Moscato, "On
 * Evolution, Search, Optimization, Genetic Algorithms and Martial Arts", 1989) that refines by ruin and recreate.
 * A search too short for that is one anneal.
 */
export class Generations {
  readonly #model: Model
  readonly #mayDivide: boolean
  /** The best plans so far, all of different worth, the best of them first. */
  readonly #elites: { readonly plan: Plan; worth: Worth }[] = []
  #anneal = FOUNDER
  #annealed = 0
  #isDivided = false
  /** The part of the search that the anneal takes; its end is null until it is known. */
  #from = 0
  #until: number | null = null
  /** The first plan takes a part of the time as well. */
  #firstProgress: number | null = null

  constructor(model: Model, mayDivide: boolean) {
    this.#model = model
    this.#mayDivide = mayDivide
  }

  /** Whether the anneal has come to its end before the search has. */
  isDue(stop: StopCriterion): boolean {
    if (this.#until !== null) return this.#isDivided && stop.progress >= this.#until
    if (this.#firstProgress === null) {
      this.#firstProgress = stop.progress
      this.#from = stop.progress
    }
    if (stop.progress >= this.#from + PROBATION) this.#divide(stop)
    return false
  }

  /** The temperature as a share of the mean cost of a leg. */
  heat(progress: number): number {
    const { initialHeat, finalHeat } = this.#anneal
    if (this.#until === null) return initialHeat
    const passed = Math.min(1, (progress - this.#from) / (this.#until - this.#from))
    return initialHeat * Math.exp(Math.log(finalHeat / initialHeat) * passed)
  }

  /** Remembers the best plan of an anneal if it is one of the best of all. */
  keep(plan: Plan, worth: Worth): void {
    this.#annealed++
    const elites = this.#elites
    const rank = elites.findIndex((elite) => !isBetter(elite.worth, worth))
    const equal = elites[rank]
    if (equal && !isBetter(worth, equal.worth)) return
    if (rank < 0 && elites.length === MOST_ELITES) return
    const elite = elites.length < MOST_ELITES ? { plan: createPlan(this.#model), worth } : elites.pop()!
    copyPlan(plan, elite.plan)
    elite.worth = worth
    elites.splice(rank < 0 ? elites.length : rank, 0, elite)
  }

  /**
   * Ends an anneal, whose best plan is given, and begins another. It starts from `current`, which becomes a child of two
   * plans; a founder goes on from what it is.
   */
  next(stop: StopCriterion, best: Plan, worth: Worth, context: RecreateContext, current: Plan): void {
    this.keep(best, worth)
    const elites = this.#elites
    const isFounder = this.#annealed < FOUNDERS || elites.length < 2
    this.#anneal = isFounder ? FOUNDER : CHILD
    this.#from = stop.progress
    const share = this.#anneal.iterationsPerStop / this.#iterationsPerStop(stop)
    // What would be left then is too short for another.
    this.#until = stop.progress + share > 1 - share / 2 ? 1 : stop.progress + share
    if (isFounder) return
    const { random } = context
    const first = random.below(elites.length)
    const second = (first + 1 + random.below(elites.length - 1)) % elites.length
    copyPlan(elites[first]!.plan, current)
    const removed = crossRoutes(this.#model, current, elites[second]!.plan, random)
    recreate(context, current, removed, BLINK_RATE)
    current.isTouched.fill(0)
    current.count.touched = 0
  }

  /** The best plan that was kept. */
  best(): Plan {
    return this.#elites[0]!.plan
  }

  #divide(stop: StopCriterion): void {
    const iterations = this.#iterationsPerStop(stop)
    const least = FOUNDERS * FOUNDER.iterationsPerStop + MIN_CHILDREN * CHILD.iterationsPerStop
    this.#isDivided = this.#mayDivide && iterations >= least
    this.#until = this.#isDivided ? this.#from + FOUNDER.iterationsPerStop / iterations : 1
  }

  /** How many iterations for each stop the whole search will have, going by how many it had so far. */
  #iterationsPerStop(stop: StopCriterion): number {
    const passed = stop.progress - this.#firstProgress!
    return stop.iterations / passed / Math.max(1, this.#model.stopCount)
  }
}
