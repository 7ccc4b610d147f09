import type { Metrics } from '@urbanbloom/service-kit/metrics'
import { createSampled } from '@urbanbloom/service-kit/sampled'
import type { PaymentContext } from './context.ts'
import { type PaymentProvider, ProviderRefused } from './payment-provider.ts'
import { reconcile } from './reconcile.ts'

const LEDGER_EVERY_MS = 30_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** What is younger may still be on its way between the provider and us. */
const UNDECIDED_MS = 10 * 60_000

const timedCalls = [
  'authorize',
  'retrieve',
  'find',
  'capture',
  'void',
  'refund',
  'findRefund',
  'list',
] as const

/** Times every call of the provider; `refused` is a definite no, `unavailable` is no usable answer. */
export function observeProvider(provider: PaymentProvider, metrics: Metrics): PaymentProvider {
  const calls = metrics.counter('payment_provider_calls_total', 'Calls of the card provider by outcome', [
    'call',
    'outcome',
  ])
  const duration = metrics.histogram(
    'payment_provider_duration_seconds',
    'Time until the card provider answered or was given up',
    [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    ['call'],
  )
  const observed: Record<string, unknown> = { ...provider }
  for (const call of timedCalls) {
    // So that the first failure of a process is an increase, and not a series that was not there before.
    for (const outcome of ['answered', 'unavailable']) calls.inc({ call, outcome }, 0)
    const ask = provider[call] as (...args: unknown[]) => Promise<unknown>
    observed[call] = async (...args: unknown[]) => {
      const started = performance.now()
      try {
        const answer = await ask(...args)
        calls.inc({ call, outcome: 'answered' })
        return answer
      } catch (err) {
        calls.inc({ call, outcome: err instanceof ProviderRefused ? 'refused' : 'unavailable' })
        throw err
      } finally {
        duration.observe({ call }, (performance.now() - started) / 1000)
      }
    }
  }
  return observed as PaymentProvider
}

/** Payments of the last week whose ledger says something else, and payments whose end has been open for long. */
export function measureMoney({ db }: Pick<PaymentContext, 'db'>, metrics: Metrics): void {
  const ledger = createSampled(
    () =>
      db.query<{ payments: number }>(
        `select count(*) as payments from (
           select p.id from payments p
           left join ledger_transactions t on t.payment_id = p.id
           left join ledger_entries e on e.transaction_id = t.id and e.account = 'provider_receivable'
           where p.created_at > now() - interval '7 days' and p.amount_cents is not null
           group by p.id
           having p.captured_cents <> coalesce(sum(e.amount_cents) filter (where t.kind = 'capture'), 0)
               or p.refunded_cents <> -coalesce(sum(e.amount_cents) filter (where t.kind = 'refund'), 0)
         ) as different`,
      ),
    { everyMs: LEDGER_EVERY_MS },
  )
  metrics.sampled('ledger_mismatches', 'Payments that differ from their ledger', [], ledger, (gauge, [row]) =>
    gauge.set(row?.payments ?? 0),
  )
  const open = createSampled(
    () =>
      db.query<{ payments: number }>(
        `select count(*) as payments from payments where due_at is not null
           and updated_at < now() - make_interval(secs => $1)`,
        [UNDECIDED_MS / 1000],
      ),
    { everyMs: LEDGER_EVERY_MS },
  )
  metrics.sampled(
    'payments_unsettled',
    'Payments with something left to settle that nothing has happened to for ten minutes',
    [],
    open,
    (gauge, [row]) => gauge.set(row?.payments ?? 0),
  )
}

/**
 * For a recurring job: compares the last day with the provider's own list and keeps the outcome as figures. What is
 * wrong in detail shows `GET /v1/payments/reconciliation`.
 */
export function createReconciliation(ctx: PaymentContext, metrics: Metrics): () => Promise<void> {
  let last: { at: number; mismatches: number } | undefined
  metrics.gauge(
    'payment_reconciliation_mismatches',
    'What the last comparison with the provider found',
    [],
    (gauge) => (last === undefined ? gauge.remove() : gauge.set(last.mismatches)),
  )
  metrics.gauge(
    'payment_reconciliation_timestamp_seconds',
    'When payments were last compared with the provider, in seconds since 1970',
    [],
    (gauge) => (last === undefined ? gauge.remove() : gauge.set(last.at)),
  )
  return async () => {
    const to = new Date(Date.now() - UNDECIDED_MS)
    const { mismatches } = await reconcile(ctx, { from: new Date(to.getTime() - DAY_MS), to })
    last = { at: Date.now() / 1000, mismatches: mismatches.length }
    if (mismatches.length > 0)
      ctx.log.error({ event: 'reconciliation_mismatch', mismatches: mismatches.length }, 'the books differ')
  }
}
