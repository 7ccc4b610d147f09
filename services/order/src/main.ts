import { run } from '@urbanbloom/service-kit/lifecycle'
import { readConfig } from './config.ts'
import { createOrderService } from './service.ts'

await run('order', (env) => createOrderService(readConfig(env)))
