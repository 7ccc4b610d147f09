import { run } from '@urbanbloom/service-kit/lifecycle'
import { readConfig } from './config.ts'
import { createDeliveryRoutingService } from './service.ts'

await run('delivery-routing', (env) => createDeliveryRoutingService(readConfig(env)))
