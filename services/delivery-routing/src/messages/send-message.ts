import { ContactsAnswer } from '@urbanbloom/contracts/accounts'
import type { Db } from '@urbanbloom/service-kit/db'
import type { Context } from '../context.ts'
import { linkOfMessage } from '../tracking/tracking-links.ts'
import { composeMail } from './compose-mail.ts'
import { MailRefused } from './mailer.ts'
import { MAX_TRIES, type Message, retryDelayMs } from './message.ts'
import { findMessage, findStanding, leaseMessage, settleMessage } from './message-store.ts'

export const SEND_MESSAGE = 'send_message'

/** Longer than looking up the customer and all deadlines of SMTP together. */
const LEASE_MS = 45_000

/**
 * Sends one message by mail. A lease keeps two processes from sending it at once, and what was sent is recorded
 * after the server has taken it. A process that dies in between leaves a message that is sent again: at least once,
 * with the same Message-ID, by which mail servers and readers drop what comes twice.
 */
export async function sendMessage(ctx: Context, { messageId }: { messageId: string }): Promise<void> {
  if (!(await leaseMessage(ctx.db, messageId, LEASE_MS))) return tryLater(ctx, messageId)
  const message = await findMessage(ctx.db, messageId)
  if (message === null) return
  const why = await whyNot(ctx, message)
  if (why !== null) return settle(ctx, message, 'skipped', why)
  try {
    const recipient = await findRecipient(ctx, message)
    if (recipient === null) return settle(ctx, message, 'skipped', 'the account is gone')
    const link = await linkOfMessage(ctx, message)
    await ctx.mailer?.send(composeMail(message, recipient, link))
  } catch (err) {
    return fail(ctx, message, err)
  }
  return settle(ctx, message, 'sent', null)
}

/** Where another process has the lease it may die, so somebody has to look again once the lease is over. */
async function tryLater(ctx: Context, messageId: string): Promise<void> {
  const message = await findMessage(ctx.db, messageId)
  if (message?.status !== 'pending') return
  await ctx.db.transaction((tx) => enqueueMessage(ctx, tx, messageId, LEASE_MS))
}

export async function enqueueMessage(ctx: Context, tx: Db, messageId: string, delayMs = 0): Promise<void> {
  const runAt = new Date(Date.now() + delayMs)
  await ctx.jobs.enqueue(tx, SEND_MESSAGE, { messageId }, { jobKey: `message:${messageId}`, runAt })
}

/** Why a message is better not sent any more, because the day has moved on; null where it still holds. */
async function whyNot(ctx: Context, message: Message): Promise<string | null> {
  if (ctx.mailer === null) return 'no mail is configured'
  const standing = await findStanding(ctx.db, message)
  if (standing === null) return 'the stop is gone'
  const isOpen = standing.stop === 'pending' || standing.stop === 'arrived'
  switch (message.kind) {
    case 'on_the_way':
    case 'delayed':
      return isOpen ? null : 'the stop is over'
    case 'next_stop':
      return standing.stop === 'pending' && standing.stopsAhead === 0
        ? null
        : 'the van is not on its way there'
    case 'delivered':
      return standing.stop === 'delivered' ? null : 'it was not delivered after all'
    case 'failed':
      return standing.stop === 'failed' ? null : 'it did not fail after all'
  }
}

async function findRecipient(ctx: Context, { customerId }: Message) {
  const { contacts } = await ctx.authPeer.post(
    '/internal/accounts/contacts',
    { ids: [customerId] },
    ContactsAnswer,
  )
  return contacts[0] ?? null
}

async function settle(
  ctx: Context,
  { id, kind }: Message,
  status: 'sent' | 'skipped' | 'dead',
  note: string | null,
): Promise<void> {
  await settleMessage(ctx.db, id, { status, note })
  ctx.metrics.messages.inc({ kind, outcome: status })
}

/** Mail servers name addresses in their answers, so neither the log nor the row gets more than the kind of failure. */
async function fail(ctx: Context, message: Message, err: unknown): Promise<void> {
  const note = describe(err)
  ctx.log.warn(
    { messageId: message.id, messageKind: message.kind, tries: message.tries, note },
    'a mail was not sent',
  )
  if (err instanceof MailRefused || message.tries >= MAX_TRIES) return settle(ctx, message, 'dead', note)
  await ctx.db.transaction(async (tx) => {
    await settleMessage(tx, message.id, { status: 'pending', note })
    await enqueueMessage(ctx, tx, message.id, retryDelayMs(message.tries))
  })
  ctx.metrics.messages.inc({ kind: message.kind, outcome: 'failed' })
}

function describe(err: unknown): string {
  if (err instanceof MailRefused) return err.message
  const { code, name } = err as { code?: string; name?: string }
  return `failed with ${code ?? name ?? 'an unknown error'}`
}
