import type { Db } from '@urbanbloom/service-kit/db'
import type { Jobs } from '@urbanbloom/service-kit/jobs'
import type { Log } from '@urbanbloom/service-kit/log'
import type { Config } from './config.ts'
import type { OrderMetrics } from './order-metrics.ts'
import type { Participants } from './participants.ts'

/** What every use case of `order` is given. */
export type OrderContext = {
  config: Config
  db: Db
  jobs: Jobs
  log: Log
  metrics: OrderMetrics
  participants: Participants
  /** Kills the process at a named step of the saga; does nothing outside the crash tests. */
  crashPoint: (step: CrashStep) => void
}

/** The places between two effects at which the crash tests kill the process. */
export const crashSteps = [
  'priced',
  'order_inserted',
  'stock_reserved',
  'window_held',
  'all_held',
  'payment_authorized',
  'order_confirmed',
  'order_rejected',
  'unwound',
  'cancelling',
  'delivery_released',
  'order_cancelled',
] as const

export type CrashStep = (typeof crashSteps)[number]
