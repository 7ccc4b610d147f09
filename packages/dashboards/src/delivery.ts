import { figure, graph, row } from './elements.ts'
import { toLogs, toTraces } from './links.ts'
import { page } from './page.ts'

const deeper = [toLogs('delivery-routing'), toTraces('delivery-routing')]

/** Plans, vans and doors. */
export const delivery = page('delivery', 'Delivery', { says: 'Planning, driving and arriving.' }, [
  figure({
    title: 'Not late',
    says: 'Stops of the last hour that were not late for their window.',
    unit: 'percentunit',
    width: 6,
    query: 'stops:on_time:ratio1h',
    limits: [0.95, 0.9],
  }),
  figure({
    title: 'Will be late',
    says: 'Stops ahead that will miss their window as things are.',
    unit: 'short',
    width: 6,
    query: 'max(stops_late)',
    limits: [1, 10],
  }),
  figure({
    title: 'Vans on the road',
    says: 'Drivers with a route under way.',
    unit: 'short',
    width: 6,
    query: 'sum(max by (position) (drivers_on_route))',
  }),
  figure({
    title: 'Days without a plan',
    says: 'With deliveries, and within an hour of their first shift.',
    unit: 'short',
    width: 6,
    query: 'max(delivery_days_without_plan)',
    limits: [1, 2],
  }),
  row('Driving'),
  graph({
    title: 'Stops per minute',
    says: 'Delivered and failed.',
    links: deeper,
    unit: 'short',
    width: 8,
    stacked: true,
    queries: [['60 * sum by (outcome) (rate(stop_outcomes_total[$__rate_interval]))', '{{outcome}}']],
  }),
  graph({
    title: 'Punctuality, stops per minute',
    says: 'Deliveries before, in and after their window.',
    unit: 'short',
    width: 8,
    stacked: true,
    queries: [['60 * sum by (outcome) (rate(stop_punctuality_total[$__rate_interval]))', '{{outcome}}']],
  }),
  graph({
    title: 'Vans by their last position',
    says: 'Fresh is at most a minute old.',
    unit: 'short',
    width: 8,
    stacked: true,
    queries: [['max by (position) (drivers_on_route)', '{{position}}']],
  }),
  graph({
    title: 'Positions received per minute',
    links: deeper,
    says: 'Accepted, and ignored because they are old, came twice or cannot be true.',
    unit: 'short',
    width: 8,
    queries: [['60 * sum by (outcome) (rate(driver_positions_total[$__rate_interval]))', '{{outcome}}']],
  }),
  graph({
    title: 'Open event streams',
    says: 'Of drivers and customers who follow what happens.',
    unit: 'short',
    width: 8,
    queries: [['sum(sse_connections)', 'streams']],
  }),
  graph({
    title: 'Delivery windows held, per minute',
    says: 'What orders got when they asked for a place.',
    unit: 'short',
    width: 8,
    queries: [['60 * sum by (outcome) (rate(delivery_holds_total[$__rate_interval]))', '{{outcome}}']],
  }),
  row('The optimizer'),
  graph({
    title: 'Plans per hour',
    says: 'By what became of them.',
    links: deeper,
    unit: 'short',
    width: 6,
    queries: [['sum by (outcome) (increase(plans_total[1h]))', '{{outcome}}']],
  }),
  graph({
    title: '95 of 100 plans solved within',
    links: deeper,
    says: 'The optimizer’s own time, without the wait for its turn.',
    unit: 's',
    width: 6,
    queries: [
      ['histogram_quantile(0.95, sum by (le) (rate(plan_solve_duration_seconds_bucket[1h])))', '95 %'],
    ],
  }),
  graph({
    title: 'Gap to the lower estimate',
    says: 'How far plans cost more than an estimate that none can go below, over the last hour. It is rough: watch its course, not its height.',
    unit: 'percentunit',
    width: 6,
    queries: [
      ['histogram_quantile(0.5, sum by (le) (rate(plan_gap_ratio_bucket[1h])))', 'half of the plans'],
      ['histogram_quantile(0.95, sum by (le) (rate(plan_gap_ratio_bucket[1h])))', '95 %'],
    ],
  }),
  graph({
    title: 'Deliveries planned per hour',
    says: 'And left out because they fit on no van.',
    unit: 'short',
    width: 6,
    stacked: true,
    queries: [['sum by (outcome) (increase(plan_stops_total[1h]))', '{{outcome}}']],
  }),
])
