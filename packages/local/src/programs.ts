import { join } from 'node:path'

/** The repository's top folder. */
export const repository = join(import.meta.dirname, '../../..')

export const serviceNames = ['auth', 'inventory', 'order', 'payment', 'delivery-routing', 'gateway'] as const

export type ServiceName = (typeof serviceNames)[number]

/** What runs as a process of its own: the services, and the sandbox that stands in for the card provider. */
export const programNames = ['payment-sandbox', ...serviceNames] as const

export type ProgramName = (typeof programNames)[number]

/** The file that starts a program. */
export function entryOf(program: ProgramName): string {
  const folder = program === 'payment-sandbox' ? 'packages' : 'services'
  return join(repository, folder, program, 'src/main.ts')
}
