import { run } from '@urbanbloom/service-kit/lifecycle'
import { readConfig } from './config.ts'
import { createGateway } from './service.ts'

await run('gateway', (env) => createGateway(readConfig(env)))
