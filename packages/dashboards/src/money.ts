import { figure, graph, row } from './elements.ts'
import { toLogs, toTraces } from './links.ts'
import { page } from './page.ts'

const deeper = [toLogs('payment'), toTraces('payment')]

/** Whether money moves, and whether all sides agree on it. */
export const money = page(
  'money',
  'Money',
  { says: 'Payments, the card provider, and whether the books agree.' },
  [
    figure({
      title: 'Payments that differ from the ledger',
      says: 'Of the last week. Every one has to be explained.',
      unit: 'short',
      width: 6,
      query: 'max(ledger_mismatches)',
      limits: [1, 2],
    }),
    figure({
      title: 'Payments that differ from the provider',
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
      title: 'Payments by what became of them, per minute',
      links: deeper,
      says: 'Authorized at checkout, captured when the van is loaded, voided or refunded when it is called off.',
      unit: 'short',
      width: 12,
      queries: [['60 * sum by (status) (rate(payment_transitions_total[$__rate_interval]))', '{{status}}']],
    }),
    graph({
      title: 'Refunds per minute',
      links: deeper,
      says: 'By what became of them.',
      unit: 'short',
      width: 12,
      queries: [['60 * sum by (status) (rate(payment_refunds_total[$__rate_interval]))', '{{status}}']],
    }),
    row('The card provider'),
    graph({
      title: 'Calls by outcome, per minute',
      links: deeper,
      says: 'Declined cards are no failures of the provider.',
      unit: 'short',
      width: 8,
      queries: [
        ['60 * sum by (outcome) (rate(payment_provider_calls_total[$__rate_interval]))', '{{outcome}}'],
      ],
    }),
    graph({
      title: '95 of 100 calls within',
      says: 'By what was asked of the provider.',
      links: deeper,
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
      title: 'Webhooks per minute',
      links: deeper,
      says: 'What the provider tells us, by what we did with it.',
      unit: 'short',
      width: 8,
      queries: [['60 * sum by (result) (rate(payment_webhooks_total[$__rate_interval]))', '{{result}}']],
    }),
  ],
)
