import type { Db } from '@urbanbloom/service-kit/db'
import { ServiceError } from '@urbanbloom/service-kit/errors'
import type { Metrics } from '@urbanbloom/service-kit/metrics'
import { createSampled } from '@urbanbloom/service-kit/sampled'
import type { SagaStep } from './order.ts'
import type { Participants } from './participants.ts'

export type OrderMetrics = ReturnType<typeof createOrderMetrics>

/** Why a checkout ends without an order. A code that is not here counts as `other`, so that labels stay few. */
const rejectionCodes = new Set([
  'out_of_stock',
  'product_unavailable',
  'window_unavailable',
  'payment_declined',
  'payment_action_expired',
  'payment_voided',
  'reservation_released',
  'delivery_released',
  'checkout_interrupted',
])

/** The calls of the saga that others answer, by what they are called in figures. */
const participantSteps = {
  reserveStock: 'reserve_stock',
  holdDelivery: 'hold_window',
  authorizePayment: 'authorize_payment',
  refreshPayment: 'refresh_payment',
  releaseStock: 'release_stock',
  releaseDelivery: 'release_window',
  voidPayment: 'void_payment',
} as const satisfies Partial<Record<keyof Participants, string>>

/** What ops watches of checkout. Codes and steps are closed sets, so the number of series is bounded. */
export function createOrderMetrics(metrics: Metrics) {
  const placed = metrics.counter('orders_total', 'Orders by how their checkout ended', ['outcome'])
  const takenOver = metrics.counter(
    'saga_takeovers_total',
    'Orders whose lease ran out and that were driven on',
  )
  const duration = metrics.histogram(
    'order_processing_seconds',
    'Time from the request to the end of a checkout',
    [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  )
  const steps = metrics.counter('saga_steps_total', 'Calls of the saga by step and outcome', [
    'step',
    'outcome',
  ])
  const stepDuration = metrics.histogram(
    'saga_step_duration_seconds',
    'Time until a participant of the saga answered',
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    ['step'],
  )
  return {
    confirmed: () => placed.inc({ outcome: 'confirmed' }),
    rejected: (code: string) => placed.inc({ outcome: rejectionCodes.has(code) ? code : 'other' }),
    cancelled: () => placed.inc({ outcome: 'cancelled' }),
    takenOver: (count: number) => takenOver.inc(count),
    observeCheckout: (milliseconds: number) => duration.observe(milliseconds / 1000),
    /** Counts and times the saga's calls; `refused` is a definite no of the participant. */
    observeSteps(participants: Participants): Participants {
      const observed = { ...participants }
      for (const [name, step] of Object.entries(participantSteps)) {
        const call = participants[name as keyof typeof participantSteps] as (
          ...args: unknown[]
        ) => Promise<unknown>
        const observe = async (...args: unknown[]) => {
          const started = performance.now()
          try {
            const answer = await call(...args)
            steps.inc({ step, outcome: 'done' })
            return answer
          } catch (err) {
            const isRefusal = err instanceof ServiceError && err.status < 500
            steps.inc({ step, outcome: isRefusal ? 'refused' : 'failed' })
            throw err
          } finally {
            stepDuration.observe({ step }, (performance.now() - started) / 1000)
          }
        }
        Object.assign(observed, { [name]: observe })
      }
      return observed
    },
  }
}

/** From this takeover on, an order counts as stuck; with the leases as configured that is after about two minutes. */
const STUCK_TAKEOVERS = 3
const sagaSteps: readonly SagaStep[] = ['placing', 'awaiting_payment', 'cancelling', 'unwinding']

/** How many orders the saga has in hand, and how many of them nobody brings to their end. */
export function measureSaga(db: Db, metrics: Metrics): void {
  const saga = createSampled(() =>
    db.query<{ saga_step: SagaStep; orders: number; stuck: number }>(
      `select saga_step, count(*) as orders, count(*) filter (where
         lease_until < now() - interval '1 minute'
         or (saga_step <> 'awaiting_payment' and takeovers >= $1)
         or (saga_step = 'awaiting_payment' and action_deadline < now() - interval '5 minutes')) as stuck
       from orders where saga_step is not null group by saga_step`,
      [STUCK_TAKEOVERS],
    ),
  )
  metrics.sampled('orders_in_saga', 'Orders with work left to do, by step', ['step'], saga, (gauge, rows) => {
    for (const step of sagaSteps) {
      gauge.set({ step }, rows.find(({ saga_step }) => saga_step === step)?.orders ?? 0)
    }
  })
  metrics.sampled(
    'orders_stuck',
    'Orders that the recovery does not bring to their end',
    [],
    saga,
    (gauge, rows) => gauge.set(rows.reduce((sum, { stuck }) => sum + stuck, 0)),
  )
}
