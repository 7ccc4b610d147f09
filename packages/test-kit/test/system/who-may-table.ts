export type Column = 'nobody' | 'customer' | 'otherCustomer' | 'driver' | 'otherDriver' | 'ops'
export type Role = 'customer' | 'driver' | 'ops'

/** What a path's `{}` and a body need to be of somebody. */
export type Things = {
  orderId: string
  stopId: string
  fileId: string
  addressId: string
  sessionId: string
  linkId: string
  trackingToken: string
  /** Both exist once the order is delivered. */
  claimId: string
  photoId: string
}

export type Row = {
  /** As in the OpenAPI document, parameters as `{}`. */
  call: string
  /** `everybody` needs no login, `anybody` needs one of any role. */
  who: 'everybody' | 'anybody' | readonly Role[]
  /** Whose it is: to another of the same role it does not exist, 404. */
  owner?: 'customer' | 'driver'
  /** The path parameters, in their order; ids that nobody has unless given. */
  of?: (things: Things) => readonly string[]
  body?: object | Buffer
  /** Asked once the order is delivered, because before that nothing can be claimed. */
  afterDelivery?: true
  /** A driver may not any more, two hours after the shift. */
  endsWithShift?: true
}

const customer: readonly Role[] = ['customer']
const driver: readonly Role[] = ['driver']
const ops: readonly Role[] = ['ops']
const order = ({ orderId }: Things) => [orderId]
const stop = ({ stopId }: Things) => [stopId]
const proof = { kind: 'signature', name: 'Casey' }

/** A JPEG as far as its first bytes go. */
export const picture = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1])

const ofOrder = (call: string, body?: object): Row => ({
  call,
  who: customer,
  owner: 'customer',
  of: order,
  ...(body !== undefined && { body }),
})
const ofStop = (call: string, body?: object | Buffer): Row => ({
  call,
  who: driver,
  owner: 'driver',
  of: stop,
  ...(body !== undefined && { body }),
})

const claimRows: readonly Row[] = [
  ofOrder('GET /v1/orders/{}/claims'),
  {
    ...ofOrder('POST /v1/orders/{}/claims', {
      reason: 'damaged',
      items: [{ productId: '01900000-0000-7000-8000-000000000000', quantity: 1 }],
    }),
    afterDelivery: true,
  },
  {
    ...ofOrder('POST /v1/orders/{}/claims/{}/photos', picture),
    of: ({ orderId, claimId }) => [orderId, claimId],
    afterDelivery: true,
  },
  {
    ...ofOrder('GET /v1/orders/{}/claims/{}/photos/{}'),
    of: ({ orderId, claimId, photoId }) => [orderId, claimId, photoId],
    afterDelivery: true,
  },
]

/** Every call, in the order of the paths; the last cell of a row is its owner's, so what it changes harms no other row. */
export const rows: readonly Row[] = [
  ...['POST /v1/auth/register', 'POST /v1/auth/login', 'POST /v1/auth/refresh'].map(
    (call): Row => ({ call, who: 'everybody' }),
  ),
  { call: 'GET /v1/auth/sessions', who: 'anybody' },
  {
    call: 'DELETE /v1/auth/sessions/{}',
    who: 'anybody',
    owner: 'customer',
    of: ({ sessionId }) => [sessionId],
  },
  { call: 'GET /v1/me', who: 'anybody' },
  { call: 'PATCH /v1/me', who: 'anybody' },
  { call: 'GET /v1/me/addresses', who: 'anybody' },
  { call: 'POST /v1/me/addresses', who: 'anybody' },
  {
    call: 'DELETE /v1/me/addresses/{}',
    who: 'anybody',
    owner: 'customer',
    of: ({ addressId }) => [addressId],
  },
  { call: 'GET /.well-known/jwks.json', who: 'everybody' },
  { call: 'GET /healthz', who: 'everybody' },

  { call: 'GET /v1/products', who: 'everybody' },
  { call: 'GET /v1/products/{}', who: 'everybody' },
  { call: 'POST /v1/products', who: ops },
  { call: 'PATCH /v1/products/{}', who: ops },
  { call: 'POST /v1/products/{}/stock-adjustments', who: ops },

  { call: 'GET /v1/delivery-windows', who: 'everybody' },
  { call: 'POST /v1/quotes', who: 'everybody' },
  { call: 'POST /v1/checkout', who: customer },
  { call: 'GET /v1/orders', who: customer },
  { call: 'GET /v1/orders/{}', who: ['customer', 'ops'], owner: 'customer', of: order },
  ofOrder('POST /v1/orders/{}/cancel', {}),
  ofOrder('POST /v1/orders/{}/payment-action', { outcome: 'approve' }),
  ...claimRows,
  { call: 'GET /v1/claims', who: ops },
  { call: 'POST /v1/claims/{}/resolve', who: ops },
  { call: 'GET /v1/claims/{}/photos/{}', who: ops },

  ofOrder('GET /v1/orders/{}/tracking'),
  ofOrder('GET /v1/orders/{}/tracking/events'),
  ofOrder('GET /v1/orders/{}/tracking/handover'),
  ofOrder('POST /v1/orders/{}/tracking/handover', {}),
  {
    call: 'GET /v1/orders/{}/tracking/proof-files/{}',
    who: customer,
    owner: 'customer',
    of: ({ orderId, fileId }) => [orderId, fileId],
  },
  ofOrder('POST /v1/orders/{}/tracking-links', {}),
  ofOrder('GET /v1/orders/{}/tracking-links'),
  {
    call: 'DELETE /v1/orders/{}/tracking-links/{}',
    who: customer,
    owner: 'customer',
    of: ({ orderId, linkId }) => [orderId, linkId],
  },
  ...['GET /v1/tracking/{}', 'GET /v1/tracking/{}/events', 'GET /v1/tracking/{}/photo'].map(
    (call): Row => ({ call, who: 'everybody', of: ({ trackingToken }) => [trackingToken] }),
  ),

  ...['GET /v1/driver/route', 'POST /v1/driver/route/start', 'GET /v1/driver/route/events'].map(
    (call): Row => ({ call, who: driver }),
  ),
  ofStop('POST /v1/driver/stops/{}/proof-files', picture),
  {
    call: 'GET /v1/driver/proof-files/{}',
    who: driver,
    owner: 'driver',
    of: ({ fileId }) => [fileId],
    endsWithShift: true,
  },
  ofStop('POST /v1/driver/stops/{}/arrive', {}),
  ofStop('POST /v1/driver/stops/{}/deliver', { proof }),
  { call: 'POST /v1/driver/sync', who: driver },
  { call: 'POST /v1/driver/positions', who: driver },
  // After the delivery, so that its owner is refused for what was said before and not for who asks.
  ofStop('POST /v1/driver/stops/{}/fail', { reason: 'no_access' }),

  ...[
    'GET /v1/hubs',
    'POST /v1/hubs',
    'PATCH /v1/hubs/{}',
    'GET /v1/vehicles',
    'POST /v1/vehicles',
    'GET /v1/drivers',
    'POST /v1/drivers',
    'GET /v1/drivers/locations',
    'GET /v1/shifts',
    'POST /v1/shifts',
    'GET /v1/dispatch/plans',
    'POST /v1/dispatch/plans',
    'GET /v1/dispatch/plans/{}',
    'GET /v1/dispatch/plans/{}/snapshot',
    'POST /v1/dispatch/plans/{}/publish',
    'GET /v1/dispatch/routes',
    'GET /v1/dispatch/routes/{}',
    'POST /v1/dispatch/routes/{}/assign',
    'POST /v1/dispatch/routes/{}/reorder',
    'POST /v1/dispatch/routes/{}/unpin',
    'POST /v1/dispatch/routes/{}/split',
    'POST /v1/dispatch/routes/{}/merge',
    'POST /v1/dispatch/routes/{}/break-down',
    'POST /v1/dispatch/routes/{}/take-over',
    'POST /v1/dispatch/stops/{}/move',
    'POST /v1/dispatch/stops/{}/pin',
    'GET /v1/dispatch/deliveries',
    'POST /v1/dispatch/deliveries/{}/decide',
    'POST /v1/dispatch/deliveries/{}/received',
    'POST /v1/dispatch/deliveries/{}/hold',
    'POST /v1/dispatch/deliveries/{}/let-go',
    'POST /v1/dispatch/deliveries/{}/place',
    'GET /v1/dispatch/proof-files/{}',
    'GET /v1/dispatch/refused-reports',
    'GET /v1/messages',
    'POST /v1/messages/{}/replay',
    'GET /v1/webhook-deliveries',
    'POST /v1/webhook-deliveries/{}/replay',
    'GET /v1/webhook-subscriptions',
    'POST /v1/webhook-subscriptions',
    'PATCH /v1/webhook-subscriptions/{}',
    'DELETE /v1/webhook-subscriptions/{}',
    'POST /v1/webhook-subscriptions/{}/replay',
    'POST /v1/optimize',
    'GET /v1/payments/{}',
    'POST /v1/payments/{}/refunds',
    'GET /v1/payments/reconciliation',
  ].map((call): Row => ({ call, who: ops })),
  // It proves by its signature who it is.
  { call: 'POST /v1/payments/webhooks/{}', who: 'everybody' },
  // It ends the sessions, so nothing may come after it.
  { call: 'POST /v1/auth/logout', who: 'anybody', afterDelivery: true },
]
