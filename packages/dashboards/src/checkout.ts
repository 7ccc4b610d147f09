import { figure, graph, row } from './elements.ts'
import { toLogs, toTraces } from './links.ts'
import { page } from './page.ts'

const deeper = [toLogs('order'), toTraces('order')]

const gateway = (route: string, statuses = '.+') =>
  `60 * sum(rate(http_requests_total{service="gateway",route="${route}",status=~"${statuses}"}[$__rate_interval]))`

/** From looking to buying, and where people are lost. */
export const checkout = page(
  'checkout',
  'Checkout',
  { says: 'From looking to buying, where people are lost, and why.' },
  [
    figure({
      title: 'Orders in 24 hours',
      says: 'Confirmed ones.',
      unit: 'short',
      width: 4,
      decimals: 0,
      query: 'sum(increase(orders_total{outcome="confirmed"}[24h]))',
    }),
    figure({
      title: 'Checkouts that succeed',
      says: 'Of those who press the button. Declined cards and sold-out plants count as well.',
      unit: 'percentunit',
      width: 4,
      query: `${gateway('/v1/checkout', '201')} / (${gateway('/v1/checkout')} > 0)`,
      limits: [0.85, 0.7],
    }),
    figure({
      title: '99 of 100 checkouts within',
      says: 'As the customer sees it, at the gateway. The objective is one second.',
      unit: 's',
      width: 4,
      query:
        'histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{service="gateway",route="/v1/checkout"}[$__rate_interval])))',
      limits: [0.7, 1],
    }),
    figure({
      title: 'Orders under way',
      says: 'Orders with work left to do: waiting for a bank, or being undone.',
      unit: 'short',
      width: 4,
      query: 'sum(max by (step) (orders_in_saga)) or vector(0)',
    }),
    figure({
      title: 'Orders stuck',
      says: 'Nobody brings these to their end. Each is a person who waits.',
      unit: 'short',
      width: 4,
      query: 'max(orders_stuck)',
      limits: [1, 5],
    }),
    figure({
      title: 'Taken over in an hour',
      says: 'Orders whose process was lost or gave up waiting, and that another one brought to their end.',
      unit: 'short',
      width: 4,
      decimals: 0,
      query: 'sum(increase(saga_takeovers_total[1h]))',
      limits: [5, 50],
    }),
    graph({
      title: 'The way to an order, per minute',
      says: 'The distance between two lines is who was lost.',
      unit: 'short',
      width: 12,
      queries: [
        [gateway('/v1/products/:id'), 'looks at a plant'],
        [gateway('/v1/quotes'), 'asks for the price'],
        [gateway('/v1/checkout'), 'presses the button'],
        [gateway('/v1/checkout', '201'), 'has bought'],
      ],
    }),
    graph({
      title: 'Checkouts by their end, per minute',
      links: deeper,
      says: 'Confirmed, cancelled, or why not.',
      unit: 'short',
      width: 12,
      stacked: true,
      queries: [['60 * sum by (outcome) (rate(orders_total[$__rate_interval]))', '{{outcome}}']],
    }),
    row('Behind it'),
    graph({
      title: 'Time of a checkout',
      links: deeper,
      says: 'From the priced order to the end of its checkout.',
      unit: 's',
      width: 8,
      limit: 1,
      queries: [0.5, 0.95, 0.99].map((share): readonly [string, string] => [
        `histogram_quantile(${share}, sum by (le) (rate(order_processing_seconds_bucket[$__rate_interval])))`,
        `${share * 100} %`,
      ]),
    }),
    graph({
      title: 'Time of each step',
      links: deeper,
      says: 'The 95th percentile of the calls that a checkout makes.',
      unit: 's',
      width: 8,
      queries: [
        [
          'histogram_quantile(0.95, sum by (step, le) (rate(saga_step_duration_seconds_bucket[$__rate_interval]))) > 0',
          '{{step}}',
        ],
      ],
    }),
    graph({
      title: 'Steps that did not succeed, per minute',
      links: deeper,
      says: 'Refused is a definite no; failed is no usable answer.',
      unit: 'short',
      width: 8,
      queries: [
        [
          '60 * sum by (step, outcome) (rate(saga_steps_total{outcome!="done"}[$__rate_interval]))',
          '{{step}} {{outcome}}',
        ],
      ],
    }),
    graph({
      title: 'Refused by the shelves, per minute',
      says: 'Reservations and changes for which there was no stock.',
      unit: 'short',
      width: 8,
      queries: [['60 * sum by (reason) (rate(stock_refusals_total[$__rate_interval]))', '{{reason}}']],
    }),
    graph({
      title: 'Delivery windows held, per minute',
      says: 'What delivery answered when an order asked for a place.',
      unit: 'short',
      width: 8,
      queries: [['60 * sum by (outcome) (rate(delivery_holds_total[$__rate_interval]))', '{{outcome}}']],
    }),
    graph({
      title: 'Cache hits',
      says: 'Share of reads that Redis answered.',
      unit: 'percentunit',
      width: 8,
      max: 1,
      queries: [['cache:reads:hit_ratio5m', '{{cache}}']],
    }),
  ],
)
