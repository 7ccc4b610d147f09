import type { Log } from '@urbanbloom/service-kit/log'
import type { RedisConnection } from '@urbanbloom/service-kit/redis'
import type { Config } from '../config.ts'
import type { BusinessMetrics } from '../metrics.ts'
import { createLegCache } from './leg-cache.ts'
import { createOsrmClient } from './osrm-table.ts'
import { createOsrmTimes } from './osrm-times.ts'
import { createGreatCircleTimes, type TravelTimes } from './travel-times.ts'

/** Travel times as configured: by OSRM where one is named, else by the model. */
export function createTravelTimes(
  osrm: Config['osrm'],
  { redis, log, metrics }: { redis: RedisConnection; log: Log; metrics: BusinessMetrics },
): { times: TravelTimes; close: () => Promise<void> } {
  const model = createGreatCircleTimes()
  if (osrm === null) return { times: model, close: async () => undefined }
  const client = createOsrmClient({
    ...osrm,
    onRequest: (outcome) => metrics.osrmRequests.inc({ outcome }),
  })
  const times = createOsrmTimes({
    client,
    model,
    cache: createLegCache(redis, osrm.profile),
    tableSize: osrm.tableSize,
    limitMs: osrm.limitMs,
    log,
    onMatrix: (source) => metrics.travelMatrices.inc({ source }),
  })
  return { times, close: client.close }
}
