import { settleIntent } from './payment-intents.ts'
import type { SandboxContext } from './sandbox-context.ts'

/** Longest time between two looks at what is due. */
const LOOK_EVERY_MS = 1_000

/** Settles silent payments when their time has come; what a stopped process left is settled by the next. */
export function startSettlements(ctx: SandboxContext) {
  let timer: NodeJS.Timeout | undefined
  let closed = false

  function wake(): void {
    if (closed) return
    const due = ctx.store.db
      .prepare(
        'select intent_id, idempotency_key from settlements where due_ms <= ? order by due_ms limit 100',
      )
      .all(Date.now())
    for (const row of due) {
      settleIntent(
        ctx,
        String(row.intent_id),
        row.idempotency_key === null ? null : String(row.idempotency_key),
      )
    }
    clearTimeout(timer)
    timer = setTimeout(wake, Math.min(LOOK_EVERY_MS, Math.max(10, ctx.config.settleDelayMs / 4)))
  }
  return {
    wake,
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}
