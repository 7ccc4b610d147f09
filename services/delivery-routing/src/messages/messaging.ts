import type { Task } from '@urbanbloom/service-kit/jobs'
import type { App } from '@urbanbloom/service-kit/server'
import type { Config } from '../config.ts'
import type { Context } from '../context.ts'
import { createMailer } from './mailer.ts'
import { registerMessageRoutes } from './message-routes.ts'
import { SPREAD_MESSAGES } from './record-messages.ts'
import { SEND_MESSAGE, sendMessage } from './send-message.ts'
import { SEND_WEBHOOK, sendWebhook } from './send-webhook.ts'
import { spreadMessages } from './spread-messages.ts'
import { createWebhookClient } from './webhook-client.ts'
import { registerWebhookRoutes } from './webhook-routes.ts'

/** The ways to the outside; `mailer` is null where no mail is configured. */
export function openMessaging(config: Config) {
  const mailer = createMailer(config.mail)
  const webhooks = createWebhookClient(config.webhooks)
  return {
    mailer,
    webhooks,
    async close(): Promise<void> {
      mailer?.close()
      await webhooks.close()
    },
  }
}

export function registerMessaging(app: App, ctx: Context): void {
  registerWebhookRoutes(app, ctx)
  registerMessageRoutes(app, ctx)
}

/** The jobs that carry messages outside. */
export function messageTasks(ctx: Context): Record<string, Task> {
  return {
    [SPREAD_MESSAGES]: (payload: { messageIds: string[] }) => spreadMessages(ctx, payload),
    [SEND_MESSAGE]: (payload: { messageId: string }) => sendMessage(ctx, payload),
    [SEND_WEBHOOK]: (payload: { deliveryId: string }) => sendWebhook(ctx, payload),
  }
}
