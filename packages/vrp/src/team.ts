import { isBetter, type Worth, worthOf } from './acceptance.ts'
import { divideRoutes } from './divide-routes.ts'
import { MeetingPlace } from './meeting-place.ts'
import type { Model } from './model.ts'
import { clearElsewhere, type Plan } from './plan.ts'
import { Random } from './random.ts'
import { restorePlan, type Snapshot, snapshotLength, takeSnapshot } from './snapshot.ts'

/** How often the threads meet where they divide the work. */
const MEETINGS = 120

/** With fewer stops for each thread nothing is divided: each plans everything by itself, and the best plan counts. */
const MIN_STOPS_EACH = 200

/** With fewer routes for each thread, dividing them would leave each too little to combine. */
const MIN_ROUTES_EACH = 4

/** Which of how many threads this is, and the memory that they share. */
export interface Membership {
  readonly memory: SharedArrayBuffer
  readonly thread: number
  readonly threads: number
}

/**
 * One of several threads that plan a problem together. Between two meetings each plans a neighbourhood of routes of its
 * own, so that together they do as many iterations on each stop as one thread would in several times the time; the
 * borders are drawn anew each time. While there are too few routes to divide, each thread plans all of them, and all go
 * on from the best plan. With an iteration limit alone the result does not depend on which thread is faster.
 */
export class TeamMember {
  readonly #model: Model
  readonly #place: MeetingPlace
  readonly #thread: number
  readonly #threads: number
  /** The same sequence in every thread. */
  readonly #random: Random
  /** By vehicle: the thread that plans it; null when every thread plans all of them. */
  #owner: Int32Array | null = null
  #meetings = 0
  #bestWorth: Worth = { absentWeight: Number.POSITIVE_INFINITY, cost: 0 }
  readonly #best: Snapshot
  readonly #onImprovement: ((worth: Worth) => void) | undefined
  /** Whether each thread searches a part of the plan: then only what all have found together is a plan. */
  readonly isDivided: boolean

  constructor(model: Model, membership: Membership, seed: number, onImprovement?: (worth: Worth) => void) {
    const { memory, thread, threads } = membership
    this.isDivided = model.stopCount >= MIN_STOPS_EACH * threads
    this.#onImprovement = onImprovement
    this.#model = model
    this.#place = new MeetingPlace(model, memory, threads)
    this.#thread = thread
    this.#threads = threads
    this.#random = new Random(seed)
    this.#best = new Int32Array(snapshotLength(model))
  }

  /** Whether the threads should meet now. */
  isDue(progress: number): boolean {
    return this.isDivided && progress * MEETINGS >= this.#meetings
  }

  /**
   * Turns the plan of this thread into the part of the common plan that it is to go on with. Returns whether there is
   * no more to do, because another thread has come to its end.
   */
  meet(plan: Plan): boolean {
    this.#join(plan, false)
    if (this.#place.isOver()) return true
    this.#owner = divideRoutes(this.#model, plan, this.#threads, MIN_ROUTES_EACH, this.#random)
    if (this.#owner) {
      for (let vehicle = 0; vehicle < this.#model.vehicleCount; vehicle++) {
        if (this.#owner[vehicle] !== this.#thread) clearElsewhere(this.#model, plan, vehicle)
      }
      // What is absent is for one of them to place, by turns.
      if (this.#meetings % this.#threads !== this.#thread) plan.count.absent = 0
    }
    this.#meetings++
    return false
  }

  /** Turns the plan of this thread into the best plan that all have found together. */
  finish(plan: Plan): void {
    if (!this.#place.isOver()) this.#join(plan, true)
    restorePlan(this.#model, [this.#best], () => 0, plan)
  }

  /** Makes the plan the one that all have made together, and remembers it if it is the best. */
  #join(plan: Plan, isLast: boolean): void {
    const model = this.#model
    takeSnapshot(model, plan, this.#place.desk(this.#thread))
    const all = this.#place.meet(isLast)
    const owner = this.#owner
    if (owner) restorePlan(model, all, (vehicle) => owner[vehicle]!, plan)
    else this.#restoreBest(all, plan)
    const worth = worthOf(model, plan)
    if (!isBetter(worth, this.#bestWorth)) return
    this.#bestWorth = worth
    takeSnapshot(model, plan, this.#best)
    if (this.isDivided) this.#onImprovement?.(worth)
  }

  #restoreBest(all: readonly Snapshot[], plan: Plan): void {
    const worths = all.map((snapshot) => {
      restorePlan(this.#model, [snapshot], () => 0, plan)
      return worthOf(this.#model, plan)
    })
    const best = worths.reduce((found, worth, index) => (isBetter(worth, worths[found]!) ? index : found), 0)
    restorePlan(this.#model, [all[best]!], () => 0, plan)
  }
}
