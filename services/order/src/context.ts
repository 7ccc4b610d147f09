import type { Db } from '@urbanbloom/service-kit/db'
import type { Jobs } from '@urbanbloom/service-kit/jobs'
import type { Log } from '@urbanbloom/service-kit/log'
import type { ObjectStore } from '@urbanbloom/service-kit/object-store'
import type { Config } from './config.ts'
import type { CrashStep } from './crash-steps.ts'
import type { OrderMetrics } from './order-metrics.ts'
import type { Participants } from './participants.ts'

/** What every use case of `order` is given. */
export type OrderContext = {
  config: Config
  db: Db
  objects: ObjectStore
  jobs: Jobs
  log: Log
  metrics: OrderMetrics
  participants: Participants
  /** Kills the process at a named step of the saga; does nothing outside the crash tests. */
  crashPoint: (step: CrashStep) => void
}
