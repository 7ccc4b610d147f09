import type { Authenticator } from '@urbanbloom/service-kit/auth'
import type { Database } from '@urbanbloom/service-kit/db'
import type { Peer } from '@urbanbloom/service-kit/http-client'
import type { Jobs } from '@urbanbloom/service-kit/jobs'
import type { Log } from '@urbanbloom/service-kit/log'
import type { ObjectStore } from '@urbanbloom/service-kit/object-store'
import type { RedisConnection } from '@urbanbloom/service-kit/redis'
import type { Config } from './config.ts'
import type { Mailer } from './messages/mailer.ts'
import type { WebhookClient } from './messages/webhook-client.ts'
import type { BusinessMetrics } from './metrics.ts'
import type { OptimizerPool } from './optimize/optimizer-pool.ts'
import type { Solver } from './planning/solver.ts'
import type { Feed } from './stream/feed.ts'
import type { SseConnections } from './stream/sse.ts'
import type { TravelTimes } from './travel/travel-times.ts'

/** What the service's functions work with; built once by `createDeliveryRoutingService`. */
export type Context = {
  readonly config: Config
  readonly log: Log
  readonly metrics: BusinessMetrics
  readonly db: Database
  readonly redis: RedisConnection
  readonly objects: ObjectStore
  readonly jobs: Jobs
  readonly auth: Authenticator
  readonly authPeer: Peer
  readonly orderPeer: Peer
  readonly inventoryPeer: Peer
  readonly travelTimes: TravelTimes
  readonly solver: Solver
  readonly optimizer: OptimizerPool
  /** Null where no mail is configured. */
  readonly mailer: Mailer | null
  readonly webhooks: WebhookClient
  readonly feed: Feed
  readonly sse: SseConnections
  /** Replaced by tests that need another day. */
  readonly now: () => Date
}
