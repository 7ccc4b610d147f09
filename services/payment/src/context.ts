import type { Db } from '@urbanbloom/service-kit/db'
import type { Jobs } from '@urbanbloom/service-kit/jobs'
import type { Log } from '@urbanbloom/service-kit/log'
import type { Config } from './config.ts'
import type { PaymentMetrics } from './payment-metrics.ts'
import type { PaymentProvider } from './payment-provider.ts'

export type PaymentContext = {
  readonly config: Config
  readonly db: Db
  readonly jobs: Jobs
  readonly log: Log
  readonly metrics: PaymentMetrics
  readonly provider: PaymentProvider
}
