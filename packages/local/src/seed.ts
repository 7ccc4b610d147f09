import type { Step } from './progress.ts'
import type { Deployment } from './service-environment.ts'

export async function seed(
  _deployment: Deployment,
  _options: { step: Step; signal: AbortSignal },
): Promise<void> {}
