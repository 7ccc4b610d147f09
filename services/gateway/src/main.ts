import { run } from '@urbanbloom/service-kit/lifecycle'
import { readConfig } from './config.ts'
import { createGateway } from './service.ts'

await run((env) => createGateway(readConfig(env)))
