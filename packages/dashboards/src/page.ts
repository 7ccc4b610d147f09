import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard'
import { type Element, metrics } from './elements.ts'

/** A dashboard of ours: the same period, refresh, tags and links on all of them, and nothing to save in the browser. */
export function page(
  uid: string,
  title: string,
  options: { says: string; period?: string; refresh?: string },
  elements: readonly Element[],
): dashboard.DashboardBuilder {
  const built = new dashboard.DashboardBuilder(title)
    .uid(uid)
    .description(options.says)
    .tags(['urbanbloom'])
    .time({ from: `now-${options.period ?? '3h'}`, to: 'now' })
    .refresh(options.refresh ?? '30s')
    .timezone('browser')
    .readonly()
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .link(
      new dashboard.DashboardLinkBuilder('UrbanBloom')
        .type(dashboard.DashboardLinkType.Dashboards)
        .tags(['urbanbloom'])
        .asDropdown(true)
        .keepTime(true),
    )
    .annotation(
      new dashboard.AnnotationQueryBuilder()
        .name('Alerts')
        .datasource(metrics)
        .enable(true)
        .iconColor('red')
        .expr('max by (alertname, service) (ALERTS{alertstate="firing"})'),
    )
  for (const element of elements) {
    if (element instanceof dashboard.RowBuilder) built.withRow(element)
    else built.withPanel(element)
  }
  return built
}
