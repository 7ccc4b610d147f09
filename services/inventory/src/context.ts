import type { Db } from '@urbanbloom/service-kit/db'
import type { Peer } from '@urbanbloom/service-kit/http-client'
import type { Jobs } from '@urbanbloom/service-kit/jobs'
import type { Log } from '@urbanbloom/service-kit/log'
import type { CatalogPages } from './catalog-pages.ts'
import type { Config } from './config.ts'
import type { InventoryMetrics } from './inventory-metrics.ts'

/** What every use case of `inventory` is given. */
export type InventoryContext = {
  config: Config
  db: Db
  jobs: Jobs
  log: Log
  metrics: InventoryMetrics
  pages: CatalogPages
  order: Peer
}
