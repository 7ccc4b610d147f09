import type { Mail } from './mailer.ts'
import type { Message } from './message.ts'

type Texts = { subject: string; lines: string[]; action: string }

/** The mail of a message: the same words as text and as HTML, and a link to the tracking page. */
export function composeMail(
  { kind, facts, id }: Pick<Message, 'id' | 'kind' | 'facts'>,
  to: { email: string; name: string },
  link: { url: string; host: string },
): Mail {
  const { subject, lines, action } = textsOf({ kind, facts })
  const greeting = `Hello ${to.name},`
  return {
    messageId: `<${id}@${link.host}>`,
    to: { name: to.name, address: to.email },
    subject,
    text: [greeting, ...lines, `${action}: ${link.url}`, 'UrbanBloom'].join('\n\n'),
    html: htmlOf({ subject, greeting, lines, action, url: link.url }),
  }
}

function textsOf({ kind, facts }: Pick<Message, 'kind' | 'facts'>): Texts {
  const { orderNumber, window, timeZone } = facts
  const clock = (moment: string) =>
    new Intl.DateTimeFormat('en-US', { timeZone, hour: 'numeric', minute: '2-digit' }).format(
      new Date(moment),
    )
  const between = `${clock(window.start)} and ${clock(window.end)}`
  const around = facts.eta === null ? '' : ` We expect it around ${clock(facts.eta)}.`
  const follow = 'Follow the van'
  // Messages that were written before there was such a fact have none.
  const missing = facts.undelivered ?? null
  switch (kind) {
    case 'on_the_way':
      return {
        subject: `Your plants are on the way (${orderNumber})`,
        lines: [`Your order ${orderNumber} has left our hub and comes between ${between}.${around}`],
        action: follow,
      }
    case 'next_stop':
      return {
        subject: `You are next (${orderNumber})`,
        lines: [`The van with your order ${orderNumber} is now on its way to you.${around}`],
        action: follow,
      }
    case 'delivered':
      return {
        subject: `${missing === null ? 'Delivered' : 'Delivered in part'} (${orderNumber})`,
        lines: [
          `Your order ${orderNumber} was delivered${facts.completedAt === null ? '' : ` at ${clock(facts.completedAt)}`}.`,
          ...(missing === null
            ? []
            : [
                `We are sorry: ${missing.parcels} of ${missing.ofParcels} parcels could not be handed over. You need not do anything: we look into it and either send them again or give your money back.`,
              ]),
          'Unpack your plants soon and give them some water. Is something damaged or missing? Tell us in your order.',
        ],
        action: 'See the delivery and its photo',
      }
    case 'failed':
      return {
        subject: `We could not deliver your plants (${orderNumber})`,
        lines: [
          `We tried to deliver your order ${orderNumber} and could not${facts.reason === null ? '' : ` (${facts.reason.replaceAll('_', ' ')})`}.`,
          'Your plants are well and on the van. We tell you as soon as we know when we come again.',
        ],
        action: 'See what happens next',
      }
    case 'delayed':
      return {
        subject: `Your plants come later than planned (${orderNumber})`,
        lines: [`We are sorry: your order ${orderNumber} will not make it between ${between}.${around}`],
        action: follow,
      }
  }
}

function htmlOf(mail: { subject: string; greeting: string; lines: string[]; action: string; url: string }) {
  const paragraph = (text: string) => `<p style="margin:0 0 16px">${escapeHtml(text)}</p>`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<title>${escapeHtml(mail.subject)}</title></head>
<body style="font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:0 auto;padding:24px">
<p style="font-weight:600;color:#2f6b3c;margin:0 0 24px">UrbanBloom</p>
${[mail.greeting, ...mail.lines].map(paragraph).join('\n')}
<p style="margin:24px 0"><a href="${escapeHtml(mail.url)}"
 style="background:#2f6b3c;color:#fff;padding:12px 20px;border-radius:8px;text-decoration:none">${escapeHtml(mail.action)}</a></p>
</body></html>
`
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character)
}
