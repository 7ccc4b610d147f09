import { figure, graph, row } from './elements.ts'
import { page } from './page.ts'

/** Whether money moves, and whether all sides agree on it. */
export const money = page(
  'money',
  'Money',
  { says: 'Payments, the card provider, and whether the books agree.' },
  [
    row('The books'),
    figure({
      title: 'Payments that differ from the ledger',
      says: 'Of the last week. Every one has to be explained.',
      unit: 'short',
      width: 6,
      query: 'max(ledger_mismatches)',
      limits: [1, 2],
    }),
    figure({
      title: 'Payments that differ from the provider’s list',
      says: 'As the last hourly comparison found.',
      unit: 'short',
      width: 6,
      query: 'max(payment_reconciliation_mismatches)',
      limits: [1, 2],
    }),
    figure({
      title: 'Unsettled for ten minutes',
      says: 'Payments that were begun and have no outcome yet.',
      unit: 'short',
      width: 6,
      query: 'max(payments_unsettled)',
      limits: [1, 10],
    }),
    figure({
      title: 'Webhooks refused in the last hour',
      says: 'With a wrong signature, too old, or not understood.',
      unit: 'short',
      width: 6,
      decimals: 0,
      query: 'sum(increase(payment_webhooks_total{result!~"applied|duplicate|ignored"}[1h])) or vector(0)',
      limits: [1, 20],
    }),
    row('Payments'),
    graph({
      title: 'Payments by what became of them',
      says: 'Authorized at checkout, captured when the van is loaded, voided or refunded when it is called off.',
      unit: 'ops',
      width: 12,
      queries: [['sum by (status) (rate(payment_transitions_total[$__rate_interval]))', '{{status}}']],
    }),
    graph({
      title: 'Refunds',
      says: 'By what became of them.',
      unit: 'ops',
      width: 12,
      queries: [['sum by (status) (rate(payment_refunds_total[$__rate_interval]))', '{{status}}']],
    }),
    row('The card provider'),
    graph({
      title: 'Calls by outcome',
      says: 'Declined cards are no failures of the provider.',
      unit: 'reqps',
      width: 8,
      queries: [['sum by (outcome) (rate(payment_provider_calls_total[$__rate_interval]))', '{{outcome}}']],
    }),
    graph({
      title: 'Time of a call',
      says: 'The 95th percentile.',
      unit: 's',
      width: 8,
      queries: [
        [
          'histogram_quantile(0.95, sum by (call, le) (rate(payment_provider_duration_seconds_bucket[$__rate_interval]))) > 0',
          '{{call}}',
        ],
      ],
    }),
    graph({
      title: 'Webhooks',
      says: 'What the provider tells us, by what we did with it.',
      unit: 'ops',
      width: 8,
      queries: [['sum by (result) (rate(payment_webhooks_total[$__rate_interval]))', '{{result}}']],
    }),
  ],
)
