import type { GridPos } from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table'
import { colored, coloredText, figure, graph, type Limits } from './elements.ts'
import { cityMap } from './map.ts'
import { page } from './page.ts'
import { database } from './sources.ts'
import { sql } from './sql.ts'

/** The screen on the wall: orders as they come, vans as they move, and what is about to go wrong. */
export const opsRoom = page(
  'ops-room',
  'Ops room',
  {
    says: 'The day on one screen: orders as they come, vans as they move, what is about to go wrong.',
    period: '1h',
    refresh: '10s',
    isPlaced: true,
  },
  [
    figure({
      title: 'Orders per minute now',
      says: 'Confirmed orders of the last five minutes.',
      unit: 'short',
      width: 4,
      decimals: 1,
      query: '60 * sum(rate(orders_total{outcome="confirmed"}[5m]))',
    }).height(3),
    figure({
      title: 'Vans on the road',
      says: 'Drivers with a route under way.',
      unit: 'short',
      width: 4,
      query: 'sum(max by (position) (drivers_on_route))',
    }).height(3),
    figure({
      title: 'Delivered in an hour',
      says: 'Stops with a happy end in the last hour.',
      unit: 'short',
      width: 4,
      decimals: 0,
      query: 'sum(increase(stop_outcomes_total{outcome="delivered"}[1h]))',
    }).height(3),
    figure({
      title: 'Not late',
      says: 'Stops of the last hour that were not later than their window.',
      unit: 'percentunit',
      width: 4,
      query: 'stops:on_time:ratio1h',
      limits: [0.95, 0.9],
    }).height(3),
    figure({
      title: 'Plants sold out',
      says: 'Products on sale of which none is left.',
      unit: 'short',
      width: 4,
      query: 'max(products{stock="none"})',
      limits: [1, 10],
    }).height(3),
    figure({
      title: 'Alerts that fire',
      says: 'Without the watchdog, which always fires.',
      unit: 'short',
      width: 4,
      query: 'count(ALERTS{alertstate="firing",severity!="none"}) or vector(0)',
      limits: [1, 3],
    }).height(3),
    cityMap(),
    graph({
      title: 'Orders per minute',
      says: 'As they come: confirmed, and refused or cancelled.',
      unit: 'short',
      width: 10,
      queries: [
        ['60 * sum(rate(orders_total{outcome="confirmed"}[$__rate_interval]))', 'confirmed'],
        ['60 * sum(rate(orders_total{outcome!="confirmed"}[$__rate_interval]))', 'refused or cancelled'],
      ],
    }).gridPos({ x: 14, y: 3, w: 10, h: 6 }),
    listOf({
      title: 'Next stops',
      says: 'The stops ahead by expected arrival; red where the window will be missed, yellow where it is close.',
      place: { x: 14, y: 9, w: 10, h: 9 },
      rawSql: `select m.eta as "expected", m.window_start as "from", m.window_end as "until", v.van,
                      m.position as "stop",
                      round(extract(epoch from m.window_end - m.eta) / 60)::int as "minutes to spare"
               from delivery.map_stops m join delivery.map_vans v on v.route_id = m.route_id
               where m.route_status = 'started' and m.status in ('pending', 'arrived')
               order by m.eta limit 50`,
      limits: [15, 0],
      colored: 'minutes to spare',
      clocks: ['expected', 'from', 'until'],
    }),
    listOf({
      title: 'Vans on the road',
      says: 'What each van has done and has ahead, those first that will be late.',
      place: { x: 0, y: 18, w: 14, h: 8 },
      rawSql: `select van, hub, stops_done::int as "done", stops_open::int as "ahead",
                      stops_late::int as "will be late", recorded_at as "last seen"
               from delivery.map_vans order by stops_late desc, van limit 100`,
      limits: [1, 5],
      colored: 'will be late',
      clocks: ['last seen'],
    }),
    listOf({
      title: 'Shelves that run empty',
      says: 'The plants of which the fewest are left, reserved ones not counted.',
      place: { x: 14, y: 18, w: 10, h: 8 },
      rawSql: `select name as "plant", available::int as "left", reserved::int as "reserved"
               from inventory.shelves order by available, name limit 20`,
      limits: [10, 1],
      colored: 'left',
    }),
  ],
)

type List = {
  title: string
  says: string
  place: GridPos
  rawSql: string
  limits: Limits
  /** The column whose numbers stand in the colours of the limits. */
  colored: string
  /** Columns that are times of today. */
  clocks?: readonly string[]
}

function listOf({ title, says, place, rawSql, limits, colored: column, clocks = [] }: List): TableBuilder {
  const panel = new TableBuilder()
    .title(title)
    .description(says)
    .unit('none')
    .datasource(database)
    .gridPos(place)
    .thresholds(colored(limits))
    .overrideByName(column, coloredText())
    .noValue('Nothing at the moment')
    .withTarget(sql(rawSql))
  for (const clock of clocks) panel.overrideByName(clock, [{ id: 'unit', value: 'time:HH:mm' }])
  return panel
}
