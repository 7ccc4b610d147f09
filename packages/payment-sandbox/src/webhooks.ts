import type { SandboxConfig } from './config.ts'
import type { Call } from './sandbox-context.ts'
import type { SandboxStore } from './sandbox-store.ts'
import { newStripeId, type StripeEvent, unixSeconds } from './stripe-objects.ts'
import { createWebhookDelivery, type DeliveryLog } from './webhook-delivery.ts'

/** `off` records events and sends nothing; `before_answer` sends before the API request is answered. */
export type WebhookMode = 'normal' | 'off' | 'twice' | 'before_answer'

export type Webhooks = ReturnType<typeof createWebhooks>

const API_VERSION = '2026-10-28.endive'
const COPIES: Record<WebhookMode, number> = { normal: 1, off: 0, twice: 2, before_answer: 1 }

/** Records events and hands them to delivery, as the control endpoint says. */
export function createWebhooks(config: SandboxConfig, store: SandboxStore, log: DeliveryLog) {
  const settings = { mode: 'normal' as WebhookMode, delayMs: 0, url: config.webhookUrl }
  const delivery = createWebhookDelivery(config, store, log, () => settings.url)

  return {
    ...delivery,
    get mode() {
      return settings.mode
    },
    configure(change: { mode: WebhookMode; delayMs?: number; url?: string }) {
      settings.mode = change.mode
      settings.delayMs = change.delayMs ?? 0
      settings.url = change.url ?? settings.url
      return { ...settings }
    },
    /** Must run in the transaction that changes the object. */
    emit(call: Call, type: string, object: StripeEvent['data']['object']): void {
      const isWanted = config.webhookEvents?.has(type) ?? true
      const copies = isWanted ? COPIES[settings.mode] : 0
      const event: StripeEvent = {
        id: newStripeId('evt'),
        object: 'event',
        api_version: API_VERSION,
        created: unixSeconds(),
        data: { object },
        livemode: false,
        pending_webhooks: copies === 0 ? 0 : 1,
        request: { id: call.requestId, idempotency_key: call.idempotencyKey },
        type,
      }
      store.insert(event)
      call.eventIds.push(event.id)
      for (let copy = 0; copy < copies; copy += 1) delivery.enqueue(event.id, settings.delayMs)
    },
  }
}
