import { graph, row, tableOf } from './elements.ts'
import { page } from './page.ts'

/** What we promise, and how much of what may go wrong is used up. */
export const objectives = page(
  'objectives',
  'Objectives',
  {
    says: 'What we promise over 30 days. A burn rate of 1 uses the budget up exactly at their end.',
    period: '24h',
  },
  [
    row('Budgets'),
    tableOf({
      title: 'Burn rate of the last hour',
      says: 'Above 14.4 somebody is woken.',
      unit: 'short',
      width: 8,
      query: 'slo:burn_rate:1h',
      columns: ['slo'],
      limits: [1, 14.4],
    }),
    tableOf({
      title: 'Burn rate of the last six hours',
      says: 'Above 6 somebody is woken.',
      unit: 'short',
      width: 8,
      query: 'slo:burn_rate:6h',
      columns: ['slo'],
      limits: [1, 6],
    }),
    tableOf({
      title: 'Burn rate of the last three days',
      says: 'Above 1 the budget does not last.',
      unit: 'short',
      width: 8,
      query: 'slo:burn_rate:3d',
      columns: ['slo'],
      limits: [0.8, 1],
    }),
    row('Over time'),
    graph({
      title: 'What was bad, as a share',
      says: 'Of the last five minutes.',
      unit: 'percentunit',
      width: 12,
      queries: [['slo:bad:rate5m / (slo:all:rate5m > 0)', '{{slo}}']],
    }),
    graph({
      title: 'Burn rate of the last hour',
      says: 'The dashed line is where somebody is woken.',
      unit: 'short',
      width: 12,
      limit: 14.4,
      queries: [['slo:burn_rate:1h', '{{slo}}']],
    }),
  ],
)
