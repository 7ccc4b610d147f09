import {
  ConfigError,
  databaseEnvironment,
  httpUrl,
  readEnvironment,
  secret,
} from '@urbanbloom/service-kit/config'
import { retryUntil } from './deadline.ts'
import { reasonOf } from './failure.ts'
import { seedPlantsInto, seedThrough } from './seed.ts'

/** For all services to become ready beside it; everything that is seeded already is left as it is. */
const LIMIT_MS = 180_000

// What `npm start` seeds, for the containers of docker/compose.yaml. It runs once and ends.
try {
  const env = readEnvironment(process.env, {
    AUTH_URL: httpUrl,
    GATEWAY_URL: httpUrl,
    INTERNAL_TOKEN: secret,
    INVENTORY_DATABASE_URL: databaseEnvironment.DATABASE_URL,
  })
  const system = { authUrl: env.AUTH_URL, gatewayUrl: env.GATEWAY_URL, internalToken: env.INTERNAL_TOKEN }
  await seedPlantsInto(env.INVENTORY_DATABASE_URL)
  await retryUntil(() => seedThrough(system), {
    limitMs: LIMIT_MS,
    describe: 'The system could not be seeded',
  })
  console.log('Plants, accounts, a hub, a van and shifts are there')
} catch (err) {
  console.error(err instanceof ConfigError ? err.message : reasonOf(err))
  process.exitCode = 1
}
