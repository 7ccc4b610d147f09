import type { Context } from '../context.ts'
import type { Stop } from '../dispatch/route.ts'
import type { StopReport } from './stop-report.ts'

export function countOutcome(ctx: Context, stop: Stop, report: StopReport): void {
  if (report.type === 'arrive') return
  ctx.metrics.stops.inc({ outcome: report.type === 'deliver' ? 'delivered' : 'failed' })
  if (report.type === 'fail') return
  const outcome = report.at > stop.windowEnd ? 'late' : report.at < stop.windowStart ? 'early' : 'on_time'
  ctx.metrics.punctuality.inc({ outcome })
}
