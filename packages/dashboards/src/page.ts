import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import type { Element } from './elements.ts'
import { fitToScreen } from './layout.ts'
import { pageLinks } from './links.ts'
import { metrics } from './sources.ts'

export type Page = { build(): dashboard.Dashboard }

/** A dashboard of ours: the same period, refresh, tags and links on all of them, and nothing to save in the browser. */
export function page(
  uid: string,
  title: string,
  options: {
    says: string
    period?: string
    refresh?: string
    variables?: readonly dashboard.QueryVariableBuilder[]
    /** Where each panel has its own place on the page. */
    isPlaced?: boolean
  },
  elements: readonly Element[],
): Page {
  const { says, period = '3h', refresh = '30s', variables = [], isPlaced = false } = options
  const built = new dashboard.DashboardBuilder(title)
    .uid(uid)
    .description(says)
    .tags(['urbanbloom'])
    .time({ from: `now-${period}`, to: 'now' })
    .refresh(refresh)
    .timezone('browser')
    .readonly()
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .annotation(
      new dashboard.AnnotationQueryBuilder()
        .name('Alerts')
        .datasource(metrics)
        .enable(true)
        .iconColor('red')
        .expr('max by (alertname, service) (ALERTS{alertstate="firing",severity!="none"})'),
    )
  for (const link of pageLinks()) built.link(link)
  for (const variable of variables) built.withVariable(variable)
  for (const element of elements) {
    if (element instanceof dashboard.RowBuilder) built.withRow(element)
    else built.withPanel(element)
  }
  return {
    build() {
      const whole = asDeployed(built.build())
      return isPlaced ? whole : fitToScreen(whole)
    },
  }
}

/** Without what the library adds and the Grafana that is deployed no longer knows. */
function asDeployed(whole: dashboard.Dashboard): dashboard.Dashboard {
  for (const panel of whole.panels ?? []) if (panel.type === 'table') delete panel.options?.footer
  for (const variable of whole.templating?.list ?? []) {
    if (variable.type !== dashboard.VariableType.Query) continue
    const { auto: _auto, auto_count: _count, auto_min: _min, ...rest } = variable
    whole.templating?.list?.splice(whole.templating.list.indexOf(variable), 1, rest)
  }
  return whole
}
