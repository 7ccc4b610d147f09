import { run } from '@urbanbloom/service-kit/lifecycle'
import { readConfig } from './config.ts'
import { createAuthService } from './service.ts'

await run('auth', (env) => createAuthService(readConfig(env)))
