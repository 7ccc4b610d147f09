import {
  FrameGeometrySourceBuilder,
  FrameGeometrySourceMode,
  MapLayerOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  ControlsOptionsBuilder,
  MapViewConfigBuilder,
  PanelBuilder,
  TooltipMode,
  TooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/geomap'
import { colored } from './elements.ts'
import { database } from './sources.ts'
import { sql } from './sql.ts'

/** Inman Park, before anything is on the map. */
const CENTER = { latitude: 33.7573, longitude: -84.3521, zoom: 13 }

/** Vans, the stops ahead of them and the hubs, from the views of delivery. */
export function cityMap(): PanelBuilder {
  const markers = (name: string, query: string, style: object) =>
    new MapLayerOptionsBuilder()
      .name(name)
      .type('markers')
      .tooltip(true)
      .filterData({ id: 'byRefId', options: query })
      .location(
        new FrameGeometrySourceBuilder()
          .mode(FrameGeometrySourceMode.Coords)
          .latitude('latitude')
          .longitude('longitude'),
      )
      .config({ showLegend: true, style })
  const marker = (color: string, size: number, symbol: string) => ({
    color: { fixed: color },
    size: { fixed: size, min: 2, max: 15 },
    symbol: { fixed: `img/icons/marker/${symbol}.svg`, mode: 'fixed' },
    opacity: 0.8,
  })
  return new PanelBuilder()
    .title('The city')
    .description(
      'Vans on the road, stops ahead and hubs. Places of customers are rounded to a hundred metres.',
    )
    .datasource(database)
    .unit('none')
    .thresholds(colored(undefined))
    .gridPos({ x: 0, y: 3, w: 14, h: 15 })
    .view(
      new MapViewConfigBuilder()
        .id('fit')
        .lat(CENTER.latitude)
        .lon(CENTER.longitude)
        .zoom(CENTER.zoom)
        .allLayers(true)
        .padding(10),
    )
    .controls(new ControlsOptionsBuilder().showZoom(true).mouseWheelZoom(true).showAttribution(true))
    .tooltip(new TooltipOptionsBuilder().mode(TooltipMode.Details))
    .layers([
      markers('Stops ahead', 'B', marker('blue', 3, 'circle')),
      markers('Hubs', 'C', marker('purple', 8, 'square')),
      markers('Vans', 'A', marker('green', 7, 'triangle')),
    ])
    .withTarget(
      sql(
        `select van, hub, latitude, longitude, stops_done, stops_open, stops_late, recorded_at
         from delivery.map_vans order by van limit 500`,
        'table',
        'A',
      ),
    )
    .withTarget(
      sql(
        `select latitude, longitude, position, status, eta, window_start, window_end
         from delivery.map_stops
         where route_status = 'started' and status in ('pending', 'arrived') order by eta limit 2000`,
        'table',
        'B',
      ),
    )
    .withTarget(
      sql('select hub, latitude, longitude from delivery.map_hubs order by hub limit 100', 'table', 'C'),
    )
}
