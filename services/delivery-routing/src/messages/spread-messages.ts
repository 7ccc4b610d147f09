import { newId } from '@urbanbloom/service-kit/ids'
import type { Context } from '../context.ts'
import { enqueueMessage } from './send-message.ts'
import { enqueueWebhook } from './send-webhook.ts'

/**
 * Gives messages to the mail, and to each subscriber who asked for their kind. Safe to repeat: a subscriber gets a
 * message once, and a second job for the same mail replaces the first or finds it sent.
 */
export async function spreadMessages(
  ctx: Context,
  { messageIds }: { messageIds: readonly string[] },
): Promise<void> {
  for (const messageId of messageIds) {
    await ctx.db.transaction(async (tx) => {
      const subscriptions = await tx.query<{ id: string }>(
        `select s.id from webhook_subscriptions s join messages m on m.id = $1
         where m.kind = any(s.kinds) and s.disabled_at is null`,
        [messageId],
      )
      const written = await tx.query<{ id: string }>(
        `insert into webhook_deliveries (id, subscription_id, message_id)
         select id, subscription_id, $3 from unnest($1::uuid[], $2::uuid[]) as given (id, subscription_id)
         on conflict (subscription_id, message_id) do nothing returning id`,
        [subscriptions.map(() => newId()), subscriptions.map(({ id }) => id), messageId],
      )
      for (const { id } of written) await enqueueWebhook(ctx, tx, id)
      await enqueueMessage(ctx, tx, messageId)
    })
  }
}
