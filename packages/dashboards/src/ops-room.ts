import type { GridPos } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table'
import { colored, database, figure, graph, type Limits } from './elements.ts'
import { cityMap } from './map.ts'
import { page } from './page.ts'
import { sql } from './sql.ts'

/** The screen on the wall: orders as they come, vans as they move, and what is about to go wrong. */
export const opsRoom = page(
  'ops-room',
  'Ops room',
  {
    says: 'The day on one screen: orders as they come, vans as they move, what is about to go wrong.',
    period: '1h',
    refresh: '10s',
  },
  [
    figure({
      title: 'Orders per minute',
      says: 'Confirmed orders of the last five minutes.',
      unit: 'short',
      width: 4,
      decimals: 1,
      query: '60 * sum(rate(orders_total{outcome="confirmed"}[5m]))',
    }),
    figure({
      title: 'Vans on the road',
      says: 'Drivers with a route under way.',
      unit: 'short',
      width: 4,
      query: 'sum(max by (position) (drivers_on_route))',
    }),
    figure({
      title: 'Delivered in an hour',
      says: 'Stops with a happy end in the last hour.',
      unit: 'short',
      width: 4,
      decimals: 0,
      query: 'sum(increase(stop_outcomes_total{outcome="delivered"}[1h]))',
    }),
    figure({
      title: 'On time',
      says: 'Stops of the last hour that were not late.',
      unit: 'percentunit',
      width: 4,
      query: 'stops:on_time:ratio1h',
      limits: [0.95, 0.9],
    }),
    figure({
      title: 'Plants sold out',
      says: 'Products on sale of which none is left.',
      unit: 'short',
      width: 4,
      query: 'max(products{stock="none"})',
      limits: [1, 10],
    }),
    figure({
      title: 'Alerts that fire',
      says: 'Without the watchdog, which always fires.',
      unit: 'short',
      width: 4,
      query: 'count(ALERTS{alertstate="firing",alertname!="Watchdog"}) or vector(0)',
      limits: [1, 3],
    }),
    cityMap(),
    graph({
      title: 'Orders in real time',
      says: 'Confirmed orders per minute, and what was refused.',
      unit: 'short',
      width: 10,
      queries: [
        ['60 * sum(rate(orders_total{outcome="confirmed"}[$__rate_interval]))', 'confirmed'],
        ['60 * sum(rate(orders_total{outcome!="confirmed"}[$__rate_interval]))', 'refused or cancelled'],
      ],
    }),
    listOf({
      title: 'Next stops',
      says: 'The stops ahead by expected arrival; red where the window will be missed.',
      place: { x: 14, y: 11, w: 10, h: 9 },
      rawSql: `select m.eta as "expected", m.window_end as "window ends", v.van, m.position as "stop",
                        round(extract(epoch from m.eta - m.window_end) / 60) as "minutes late"
                 from delivery.map_stops m join delivery.map_vans v on v.route_id = m.route_id
                 where m.route_status = 'started' and m.status in ('pending', 'arrived')
                 order by m.eta limit 50`,
      limits: [0, 1],
    }),
    listOf({
      title: 'Shelves that run empty',
      says: 'The plants of which the fewest are left, reserved ones not counted.',
      place: { x: 0, y: 20, w: 12, h: 8 },
      rawSql: `select name as "plant", available as "left", reserved from inventory.shelves
                 order by available, name limit 20`,
      limits: [10, 1],
    }),
    listOf({
      title: 'Vans',
      says: 'What each van has done and has ahead.',
      place: { x: 12, y: 20, w: 12, h: 8 },
      rawSql: `select van, hub, stops_done as "done", stops_open as "ahead", stops_late as "will be late",
                        recorded_at as "last seen"
                 from delivery.map_vans order by stops_late desc, van limit 100`,
      limits: [1, 5],
    }),
  ],
)

function listOf(options: { title: string; says: string; place: GridPos; rawSql: string; limits: Limits }) {
  return new TableBuilder()
    .title(options.title)
    .description(options.says)
    .unit('none')
    .datasource(database)
    .gridPos(options.place)
    .thresholds(colored(options.limits))
    .withTarget(sql(options.rawSql))
}
