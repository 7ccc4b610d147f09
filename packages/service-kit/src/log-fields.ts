/**
 * Every field that a line may have beside `level`, `time`, `service` and `msg`, and the one type of each: a collector
 * that has seen a number refuses a text under the same name. The compiler holds every call to it, and a test this list
 * to the one in `docs/observability.md`.
 */
export type LogFields = {
  requestId?: string
  traceId?: string
  method?: string
  route?: string
  status?: number
  durationMs?: number
  upstream?: string | undefined
  event?: string
  eventId?: string
  eventType?: string
  orderId?: string
  paymentId?: string
  paymentStatus?: string
  providerState?: string
  refundId?: string
  claimId?: string | null
  planId?: string
  planned?: number
  unassigned?: number
  hubId?: string
  date?: string
  points?: number
  accountId?: string
  sessionId?: string
  kid?: string
  sagaStep?: string | null
  messageId?: string
  messageKind?: string
  tries?: number
  note?: string
  fingerprint?: string
  mismatches?: number
  isKnown?: boolean
  code?: string
  detail?: string | undefined
  reason?: string | undefined
  problems?: readonly string[]
  err?: unknown
  cause?: unknown
  task?: string
  job?: string
  queue?: boolean
  signal?: string
  awaySeconds?: number
  limitMs?: number
  call?: string
  id?: string
}
