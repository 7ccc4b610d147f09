import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import * as common from '@grafana/grafana-foundation-sdk/common'
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import type { DataLink } from './links.ts'
import { metrics } from './sources.ts'

/** A row, or a panel in it. */
export type Element = dashboard.RowBuilder | Builder<dashboard.Panel>

/** A PromQL expression, and how its series are called in the legend. */
export type Query = readonly [expression: string, legend: string]

export type PanelText = {
  title: string
  /** What a person who sees it for the first time needs to know. */
  says: string
  /** One of Grafana's units: `reqps`, `s`, `percentunit`, `currencyUSD`, `short` … */
  unit: string
  /** In columns of a page of 24; the page finds the height. */
  width: number
  /** Where a point, a number or a cell leads. */
  links?: readonly DataLink[]
}

/** From which value on a figure is yellow and red; below the first it is green. */
export type Limits = readonly [warning: number, critical: number]

/** Lines over time. `limit` draws the line that must not be crossed; a time has exemplars, which lead to its trace. */
export function graph(
  text: PanelText & { queries: readonly Query[]; limit?: number; stacked?: boolean; max?: number },
): TimeseriesBuilder {
  const { queries, limit, stacked = false, max, links = [] } = text
  const panel = new TimeseriesBuilder()
    .title(text.title)
    .description(text.says)
    .unit(text.unit)
    .datasource(metrics)
    .span(text.width)
    .min(0)
    .lineWidth(1)
    .fillOpacity(stacked ? 40 : 8)
    .showPoints(common.VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder()
        .mode(common.TooltipDisplayMode.Multi)
        // oxlint-disable-next-line unicorn/no-array-sort -- A builder's method, no array.
        .sort(common.SortOrder.Descending),
    )
  if (max !== undefined) panel.max(max)
  if (links.length > 0) panel.dataLinks(links.map(linkOf))
  if (stacked) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal).group('A'))
  if (limit !== undefined) {
    panel
      .axisSoftMax(limit * 1.2)
      .thresholds(
        steps([
          { value: null, color: 'transparent' },
          { value: limit, color: 'red' },
        ]),
      )
      .thresholdsStyle(
        new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed),
      )
  }
  for (const [index, query] of queries.entries()) panel.withTarget(overTime(query, index))
  return panel
}

/** One number for now, with its course behind it. */
export function figure(text: PanelText & { query: string; limits?: Limits; decimals?: number }): StatBuilder {
  const { query, limits, decimals } = text
  const panel = new StatBuilder()
    .title(text.title)
    .description(text.says)
    .unit(text.unit)
    .datasource(metrics)
    .span(text.width)
    .graphMode(common.BigValueGraphMode.Area)
    .colorMode(limits === undefined ? common.BigValueColorMode.None : common.BigValueColorMode.Value)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
    .thresholds(colored(limits))
    .withTarget(overTime([query, text.title], 0))
  if (decimals !== undefined) panel.decimals(decimals)
  if (text.links !== undefined) panel.dataLinks(text.links.map(linkOf))
  return panel
}

/** One row for each series, the value as it is now. Labels are columns, the value is the last one. */
export function tableOf(
  text: PanelText & {
    query: string
    /** Labels in their order, by the words that stand above them. */
    columns: Readonly<Record<string, string>>
    /** What stands above the value; without it the value is not shown. */
    value?: string
    limits?: Limits
    /** What stands there when there is no row, which is no fault of this table. */
    empty?: string
  },
): TableBuilder {
  const { columns, value, limits, empty, links } = text
  const labels = Object.keys(columns)
  const shown = Object.fromEntries([...labels, 'Value'].map((column, index) => [column, index]))
  const panel = new TableBuilder()
    .title(text.title)
    .description(text.says)
    .unit(text.unit)
    .datasource(metrics)
    .span(text.width)
    .thresholds(colored(limits))
    .withTarget(
      new prometheus.DataqueryBuilder()
        .expr(text.query)
        .refId('A')
        .datasource(metrics)
        .instant()
        .format(prometheus.PromQueryFormat.Table),
    )
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: { Time: true, ...(value === undefined && { Value: true }) },
        indexByName: shown,
        renameByName: { ...columns, ...(value !== undefined && { Value: value }) },
      },
    })
  if (empty !== undefined) panel.noValue(empty)
  if (value !== undefined && limits !== undefined) panel.overrideByName(value, coloredText())
  if (links !== undefined)
    panel.overrideByName(columns[labels[0] ?? ''] ?? '', [{ id: 'links', value: links }])
  return panel
}

/** For a column whose numbers are to stand in the colours of the panel's limits. */
export function coloredText(): dashboard.DynamicConfigValue[] {
  return [{ id: 'custom.cellOptions', value: { type: common.TableCellDisplayMode.ColorText } }]
}

export function row(title: string): dashboard.RowBuilder {
  return new dashboard.RowBuilder(title)
}

/** Red from `critical`, yellow from `warning`; where less is worse, the first limit is the larger one. */
export function colored(limits: Limits | undefined): dashboard.ThresholdsConfigBuilder {
  if (limits === undefined) return steps([{ value: null, color: 'text' }])
  const [warning, critical] = limits
  return warning <= critical
    ? steps([
        { value: null, color: 'green' },
        { value: warning, color: 'yellow' },
        { value: critical, color: 'red' },
      ])
    : steps([
        { value: null, color: 'red' },
        { value: critical, color: 'yellow' },
        { value: warning, color: 'green' },
      ])
}

function steps(all: dashboard.Threshold[]): dashboard.ThresholdsConfigBuilder {
  return new dashboard.ThresholdsConfigBuilder().mode(dashboard.ThresholdsMode.Absolute).steps(all)
}

function linkOf(link: DataLink): Builder<dashboard.DashboardLink> {
  // The library takes links of a point for links of a page; Grafana reads no more than this of them.
  return { build: () => link as dashboard.DashboardLink }
}

function overTime([expression, legend]: Query, index: number): prometheus.DataqueryBuilder {
  const query = new prometheus.DataqueryBuilder()
    .expr(expression)
    .legendFormat(legend)
    .refId(String.fromCodePoint(65 + index))
    .datasource(metrics)
    .range()
    .editorMode(prometheus.QueryEditorMode.Code)
  if (expression.includes('_bucket{') || expression.includes('_bucket[')) query.exemplar(true)
  return query
}
