import { run } from '@urbanbloom/service-kit/lifecycle'
import { readConfig } from './config.ts'
import { createInventoryService } from './service.ts'

await run('inventory', (env) => createInventoryService(readConfig(env)))
