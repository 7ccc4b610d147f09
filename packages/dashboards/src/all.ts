import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { checkout } from './checkout.ts'
import { delivery } from './delivery.ts'
import { kubernetes } from './kubernetes.ts'
import { money } from './money.ts'
import { objectives } from './objectives.ts'
import { opsRoom } from './ops-room.ts'
import { postgres } from './postgres.ts'
import { redis } from './redis.ts'
import { service } from './service.ts'
import { systemHealth } from './system-health.ts'

/** Every dashboard as Grafana reads it. Panels are numbered, because links to a panel go by its number. */
export function allDashboards(): Dashboard[] {
  const builders = [
    systemHealth,
    opsRoom,
    checkout,
    money,
    delivery,
    objectives,
    service,
    postgres,
    redis,
    kubernetes,
  ]
  return builders.map((builder) => {
    const built = builder.build()
    for (const [index, panel] of (built.panels ?? []).entries()) panel.id = index + 1
    return built
  })
}

/** The file of a dashboard: its uid, and the text that belongs into it. */
export function fileOf(dashboard: Dashboard): { name: string; text: string } {
  return { name: `${dashboard.uid}.json`, text: `${JSON.stringify(dashboard, null, 2)}\n` }
}
