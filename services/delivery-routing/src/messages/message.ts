import * as z from 'zod'

/** What customers are told of, and what subscribers may ask for. */
export const messageKinds = ['on_the_way', 'next_stop', 'delivered', 'failed', 'delayed'] as const

export type MessageKind = (typeof messageKinds)[number]

/** What was true when the message was written. Nothing in it says who the customer is or where they live. */
export const MessageFacts = z.object({
  orderNumber: z.string(),
  window: z.object({ start: z.iso.datetime(), end: z.iso.datetime() }),
  timeZone: z.string(),
  /** When the van was expected then; null once it had been there. */
  eta: z.iso.datetime().nullable(),
  /** When the stop ended. */
  completedAt: z.iso.datetime().nullable(),
  /** Why it failed, as the driver chose it. */
  reason: z.string().nullable(),
  /** How many of the parcels were not handed over where the rest was; null where all were. */
  undelivered: z.object({ parcels: z.int(), ofParcels: z.int() }).nullable().default(null),
})

export type MessageFacts = z.infer<typeof MessageFacts>

export type MessageStatus = 'pending' | 'sent' | 'skipped' | 'dead'

export type Message = {
  id: string
  orderId: string
  customerId: string
  stopId: string
  kind: MessageKind
  facts: MessageFacts
  status: MessageStatus
  tries: number
  note: string | null
  createdAt: Date
  finishedAt: Date | null
}

const FIRST_RETRY_MS = 15_000
const RETRY_FACTOR = 3
const LONGEST_RETRY_MS = 6 * 3_600_000
/** With the pauses of `retryDelayMs` the last try comes about a day after the first. */
export const MAX_TRIES = 11

/** How long to wait after the given number of tries, with a fifth of jitter. */
export function retryDelayMs(tries: number): number {
  const delayMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * RETRY_FACTOR ** (tries - 1))
  return delayMs * (0.8 + Math.random() * 0.4)
}
