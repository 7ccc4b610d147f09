import { figure, graph, row, tableOf } from './elements.ts'
import { page } from './page.ts'

const objectiveTitles = {
  checkout_availability: 'Checkout is available',
  checkout_latency: 'Checkout is fast',
  driver_api: 'Drivers’ API is available',
  tracking_freshness: 'Tracking is fresh',
  plans_ready: 'Plans are ready',
} as const

/** What we promise, and how much of what may go wrong is used up. */
export const objectives = page(
  'objectives',
  'Objectives',
  {
    says: 'What we promise over 30 days. A burn rate of 1 uses up exactly what may go wrong; 14.4 uses it up in two days.',
    period: '24h',
  },
  [
    ...Object.entries(objectiveTitles).map(([slo, title], index) =>
      figure({
        title,
        says: 'The burn rate of the last hour. Yellow: the budget will not last. Red: somebody is woken.',
        unit: 'none',
        decimals: 1,
        width: index === 0 ? 4 : 5,
        query: `max(slo:burn_rate:1h{slo="${slo}"})`,
        limits: [1, 14.4],
      }),
    ),
    row('How fast the budgets burn'),
    ...(
      [
        ['1h', 'the last hour', 14.4],
        ['6h', 'the last six hours', 6],
        ['3d', 'the last three days', 1],
      ] as const
    ).map(([window, words, limit]) =>
      tableOf({
        title: `Burn rate of ${words}`,
        says: limit === 1 ? 'Above 1 the budget does not last.' : `Above ${limit} somebody is woken.`,
        unit: 'none',
        width: 8,
        query: `sort_desc(slo:burn_rate:${window})`,
        columns: { slo: 'objective' },
        value: 'burn rate',
        limits: [limit === 1 ? 0.8 : 1, limit],
      }),
    ),
    row('Over time'),
    graph({
      title: 'What was bad, of the last five minutes',
      says: 'The share of requests, positions and days that broke the promise.',
      unit: 'percentunit',
      width: 12,
      queries: [['slo:bad:rate5m / (slo:all:rate5m > 0)', '{{slo}}']],
    }),
    graph({
      title: 'Burn rate of the last hour',
      says: 'The dashed line is where somebody is woken.',
      unit: 'none',
      width: 12,
      limit: 14.4,
      queries: [['slo:burn_rate:1h', '{{slo}}']],
    }),
  ],
)
