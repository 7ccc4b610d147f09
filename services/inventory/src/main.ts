import { run } from '@urbanbloom/service-kit/lifecycle'
import { readConfig } from './config.ts'
import { createInventoryService } from './service.ts'

await run((env) => createInventoryService(readConfig(env)))
