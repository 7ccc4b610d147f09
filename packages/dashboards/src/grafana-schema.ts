import type { Dataquery as PrometheusQuery } from '@grafana/grafana-foundation-sdk/prometheus'
import type { GraphFieldConfig, TableFieldOptions } from '@grafana/schema'
import type { Options as MapOptions } from '@grafana/schema/dist/esm/raw/composable/geomap/panelcfg/x/GeomapPanelCfg_types.gen'
import type { Options as StatOptions } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen'
import type { Options as TableOptions } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen'
import type { Options as TimeseriesOptions } from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen'
import type {
  AnnotationQuery,
  Dashboard,
  FieldConfig,
  FieldConfigSource,
  Panel,
  RowPanel,
} from '@grafana/schema/dist/esm/raw/dashboard/x/Dashboard_types.gen'
import type { SqlQuery } from './sql.ts'

/** A type as JSON has it: the values of an enumeration are their texts and numbers, and functions are nowhere. */
type Json<T> = T extends string
  ? `${T}`
  : T extends number
    ? number extends T
      ? number
      : T | (`${T}` extends `${infer Value extends number}` ? Value : never)
    : T extends (infer Item)[]
      ? Json<Item>[]
      : T extends object
        ? { [Key in keyof T as T[Key] extends (() => unknown) | undefined ? never : Key]: Json<T[Key]> }
        : T

type PanelOf<Type extends string, Options, Custom> = Omit<
  Panel,
  'type' | 'options' | 'fieldConfig' | 'targets' | 'id' | 'gridPos' | 'title' | 'description'
> &
  Required<Pick<Panel, 'id' | 'gridPos' | 'title' | 'description'>> & {
    type: Type
    options: Partial<Options>
    fieldConfig: Omit<FieldConfigSource, 'defaults'> & {
      defaults: Omit<FieldConfig, 'custom' | 'links'> & {
        custom?: Partial<Custom>
        links?: { title: string; url: string; targetBlank?: boolean }[]
      }
    }
    targets: (PrometheusQuery | SqlQuery)[]
  }

/**
 * What a file of ours may be by the schema of the Grafana that is deployed: nothing else, and nothing by another name.
 * Its types are those that Grafana publishes of it; only the parts that they leave open are closed here: the options
 * and fields of each kind of panel that we use, and what is asked.
 */
export type DashboardFile = Json<
  Omit<Dashboard, 'panels' | 'annotations'> & {
    panels: (
      | PanelOf<'stat', StatOptions, never>
      | PanelOf<'timeseries', TimeseriesOptions, GraphFieldConfig>
      | PanelOf<'table', TableOptions, TableFieldOptions>
      | PanelOf<'geomap', MapOptions, never>
      | RowPanel
    )[]
    annotations: { list: (AnnotationQuery & { expr: string })[] }
  }
>
