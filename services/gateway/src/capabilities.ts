import type { UpstreamName } from './routing-table.ts'

export type Role = 'customers' | 'drivers' | 'ops'

/** Something that people do here, in their words, and what it stands on. */
export type Capability = {
  id: string
  role: Role
  title: string
  needs: readonly UpstreamName[]
  /** Whose requests show whether it works: patterns of the routing table, with `*` for every ending. */
  routes: readonly string[]
}

export const capabilities: readonly Capability[] = [
  {
    id: 'catalog',
    role: 'customers',
    title: 'Browsing and searching plants',
    needs: ['inventory'],
    routes: ['/v1/products*'],
  },
  {
    id: 'accounts',
    role: 'customers',
    title: 'Registering and logging in',
    needs: ['auth'],
    routes: ['/v1/auth/*', '/v1/me', '/v1/me/*'],
  },
  {
    id: 'ordering',
    role: 'customers',
    title: 'Ordering',
    needs: ['order', 'inventory', 'delivery-routing', 'payment'],
    routes: ['/v1/quotes', '/v1/checkout', '/v1/delivery-windows'],
  },
  {
    id: 'paying',
    role: 'customers',
    title: 'Paying by card',
    needs: ['payment', 'order'],
    routes: ['/v1/orders/:id/payment-action', '/v1/payments/webhooks/:provider'],
  },
  {
    id: 'orders',
    role: 'customers',
    title: 'Reading, cancelling and complaining about orders',
    needs: ['order'],
    routes: ['/v1/orders', '/v1/orders/:id', '/v1/orders/*'],
  },
  {
    id: 'tracking',
    role: 'customers',
    title: 'Following a delivery',
    needs: ['delivery-routing'],
    routes: ['/v1/orders/:id/tracking', '/v1/orders/:id/tracking/*', '/v1/tracking/*'],
  },
  {
    id: 'driver_app',
    role: 'drivers',
    title: 'The drivers’ app: route, stops, positions',
    needs: ['delivery-routing'],
    routes: ['/v1/driver/*'],
  },
  {
    id: 'dispatch',
    role: 'ops',
    title: 'Planning days and moving stops',
    needs: ['delivery-routing'],
    routes: ['/v1/dispatch/*', '/v1/drivers*', '/v1/shifts*', '/v1/vehicles*', '/v1/hubs*', '/v1/optimize*'],
  },
  {
    id: 'money',
    role: 'ops',
    title: 'Payments, refunds and reconciliation',
    needs: ['payment'],
    routes: ['/v1/payments*', '/v1/claims*'],
  },
]

/** Which capability a request tells of, by the pattern of its route; of several the one that names it most closely. */
export function capabilityOf(route: string): string | undefined {
  let closest: { id: string; length: number } | undefined
  for (const { id, routes } of capabilities) {
    for (const pattern of routes) {
      if (!covers(pattern, route) || pattern.length <= (closest?.length ?? 0)) continue
      closest = { id, length: pattern.length }
    }
  }
  return closest?.id
}

function covers(pattern: string, route: string): boolean {
  return pattern === route || (pattern.endsWith('*') && route.startsWith(pattern.slice(0, -1)))
}
