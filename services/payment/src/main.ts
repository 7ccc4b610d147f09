import { run } from '@urbanbloom/service-kit/lifecycle'
import { readConfig } from './config.ts'
import { createPaymentService } from './service.ts'

await run('payment', (env) => createPaymentService(readConfig(env)))
