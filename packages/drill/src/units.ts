import { type ServiceName, serviceNames } from '@urbanbloom/local/programs'

/** What is rolled and scaled by itself: the Deployments of the manifests. */
export const unitNames = [...serviceNames, 'delivery-optimizer'] as const

export type UnitName = (typeof unitNames)[number]

/** The optimizer is the program of delivery-routing with a role of its own; the others then never plan. */
export function programOf(unit: UnitName): ServiceName {
  return unit === 'delivery-optimizer' ? 'delivery-routing' : unit
}

/** What differs between the two Deployments of one program. */
export function roleOf(unit: UnitName): NodeJS.ProcessEnv {
  if (unit === 'delivery-optimizer') return { ROLE: 'optimizer' }
  return unit === 'delivery-routing' ? { ROLE: 'api' } : {}
}
