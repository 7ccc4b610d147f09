import type { Config } from './config.ts'

export type UpstreamName = keyof Config['upstreams']

export type Route = {
  /** In find-my-way's notation; also the label of metrics, so that labels stay bounded. */
  pattern: string
  upstream: UpstreamName
  /**
   * `checkout` waits for a saga; `stream` is server-sent events, whose answer has no end in time; `optimize` takes large
   * bodies and minutes, and goes to the optimizer where it has an address of its own.
   */
  kind?: 'checkout' | 'stream' | 'optimize'
  /** The bucket of the rate limit; `credentials` is for guessing passwords and tokens, `webhooks` for the provider. */
  limit?: 'credentials' | 'webhooks'
  /** Its bodies may be as large as a photo. */
  takesUploads?: boolean
}

/**
 * Every path that is reachable from outside. What is not here does not exist: `/internal` and `/metrics` are
 * hidden by absence. A static part wins over a parameter, and a parameter over `*`.
 */
export const routingTable: readonly Route[] = [
  { pattern: '/v1/auth/register', upstream: 'auth', limit: 'credentials' },
  { pattern: '/v1/auth/login', upstream: 'auth', limit: 'credentials' },
  { pattern: '/v1/auth/refresh', upstream: 'auth', limit: 'credentials' },
  { pattern: '/v1/auth/*', upstream: 'auth' },
  { pattern: '/v1/me', upstream: 'auth' },
  { pattern: '/v1/me/*', upstream: 'auth' },
  { pattern: '/.well-known/jwks.json', upstream: 'auth' },

  { pattern: '/v1/products', upstream: 'inventory' },
  { pattern: '/v1/products/:id', upstream: 'inventory' },
  { pattern: '/v1/products/*', upstream: 'inventory' },

  { pattern: '/v1/quotes', upstream: 'order' },
  { pattern: '/v1/checkout', upstream: 'order', kind: 'checkout' },
  { pattern: '/v1/orders', upstream: 'order' },
  { pattern: '/v1/orders/:id', upstream: 'order' },
  { pattern: '/v1/orders/:id/payment-action', upstream: 'order', kind: 'checkout' },
  { pattern: '/v1/orders/:id/claims/:claimId/photos', upstream: 'order', takesUploads: true },
  { pattern: '/v1/orders/*', upstream: 'order' },
  { pattern: '/v1/claims', upstream: 'order' },
  { pattern: '/v1/claims/*', upstream: 'order' },

  { pattern: '/v1/payments', upstream: 'payment' },
  { pattern: '/v1/payments/webhooks/:provider', upstream: 'payment', limit: 'webhooks' },
  { pattern: '/v1/payments/*', upstream: 'payment' },

  { pattern: '/v1/delivery-windows', upstream: 'delivery-routing' },
  { pattern: '/v1/hubs', upstream: 'delivery-routing' },
  { pattern: '/v1/hubs/*', upstream: 'delivery-routing' },
  { pattern: '/v1/vehicles', upstream: 'delivery-routing' },
  { pattern: '/v1/vehicles/*', upstream: 'delivery-routing' },
  { pattern: '/v1/drivers', upstream: 'delivery-routing' },
  { pattern: '/v1/drivers/*', upstream: 'delivery-routing' },
  { pattern: '/v1/shifts', upstream: 'delivery-routing' },
  { pattern: '/v1/shifts/*', upstream: 'delivery-routing' },
  { pattern: '/v1/dispatch/*', upstream: 'delivery-routing' },
  { pattern: '/v1/driver/route/events', upstream: 'delivery-routing', kind: 'stream' },
  { pattern: '/v1/driver/stops/:id/proof-files', upstream: 'delivery-routing', takesUploads: true },
  { pattern: '/v1/driver/*', upstream: 'delivery-routing' },
  { pattern: '/v1/orders/:id/tracking', upstream: 'delivery-routing' },
  { pattern: '/v1/orders/:id/tracking/events', upstream: 'delivery-routing', kind: 'stream' },
  { pattern: '/v1/orders/:id/tracking/*', upstream: 'delivery-routing' },
  { pattern: '/v1/orders/:id/tracking-links', upstream: 'delivery-routing' },
  { pattern: '/v1/orders/:id/tracking-links/*', upstream: 'delivery-routing' },
  { pattern: '/v1/tracking/:token/events', upstream: 'delivery-routing', kind: 'stream' },
  { pattern: '/v1/tracking/*', upstream: 'delivery-routing' },
  { pattern: '/v1/webhook-subscriptions', upstream: 'delivery-routing' },
  { pattern: '/v1/webhook-subscriptions/*', upstream: 'delivery-routing' },
  { pattern: '/v1/webhook-deliveries', upstream: 'delivery-routing' },
  { pattern: '/v1/webhook-deliveries/*', upstream: 'delivery-routing' },
  { pattern: '/v1/messages', upstream: 'delivery-routing' },
  { pattern: '/v1/messages/*', upstream: 'delivery-routing' },
  { pattern: '/v1/optimize', upstream: 'delivery-routing', kind: 'optimize' },
]

/** The service that answers an OpenAPI path such as `/v1/orders/{id}`, or undefined where none is public. */
export function upstreamOfPath(path: string): UpstreamName | undefined {
  const steps = path.split('/')
  let best: { route: Route; rank: string } | undefined
  for (const route of routingTable) {
    const rank = rankOfMatch(route.pattern.split('/'), steps)
    if (rank !== null && (best === undefined || rank > best.rank)) best = { route, rank }
  }
  return best?.route.upstream
}

/** One digit for each step, 2 for a static one, 1 for a parameter, 0 for `*`, so that greater is closer. */
function rankOfMatch(pattern: string[], steps: string[]): string | null {
  let rank = ''
  for (const [index, part] of pattern.entries()) {
    const step = steps[index]
    if (step === undefined) return null
    if (part === '*') return `${rank}0`
    if (part === step) rank += '2'
    else if (part.startsWith(':')) rank += '1'
    else return null
  }
  return pattern.length === steps.length ? rank : null
}
