import type { Db } from '@urbanbloom/service-kit/db'
import type { PaymentContext } from './context.ts'
import type { PaymentStatus } from './payment.ts'
import type { ProviderRecord } from './payment-provider.ts'

export type Mismatch = {
  kind:
    | 'ledger_differs'
    | 'missing_at_provider'
    | 'missing_here'
    | 'status_differs'
    | 'amount_differs'
    | 'captured_differs'
    | 'refunded_differs'
  paymentId: string | null
  orderId: string | null
  providerIntentId: string | null
  /** What our payments say, and what the other side says. */
  ours: string | number | null
  theirs: string | number | null
}

type Row = {
  id: string
  order_id: string
  status: PaymentStatus
  amount_cents: number
  captured_cents: number
  refunded_cents: number
  provider_intent_id: string | null
  ledger_captured_cents: number
  ledger_refunded_cents: number
}

const MAX_PAYMENTS = 5_000
const MAX_MISMATCHES = 200
const MAX_LOOK_UPS = 50
/** The provider makes its record after ours, later still when a crash came between. */
const PROVIDER_LAG_MS = 3_600_000

/** Compares the payments made in a range with the ledger and with the provider's own list. */
export async function reconcile(ctx: PaymentContext, range: { from: Date; to: Date }) {
  const rows = await listPayments(ctx.db, range)
  const isOursComplete = rows.length <= MAX_PAYMENTS
  const payments = rows.slice(0, MAX_PAYMENTS)
  const { from, to } = range
  const theirs = await ctx.provider.list({ from, to: new Date(to.getTime() + PROVIDER_LAG_MS) }, MAX_PAYMENTS)
  const records = new Map(theirs.records.map((record) => [record.intentId, record]))

  const mismatches = payments.flatMap(compareWithLedger)
  let lookUps = 0
  for (const payment of payments) {
    const intentId = payment.provider_intent_id
    if (intentId === null) continue
    let record = records.get(intentId) ?? null
    if (record === null && lookUps < MAX_LOOK_UPS) {
      lookUps += 1
      record = await ctx.provider.lookUp(intentId)
    }
    mismatches.push(...compareWithProvider(payment, record))
  }
  mismatches.push(...(await findUnknown(ctx.db, payments, theirs.records)))
  const sum = (of: (row: Row) => number) => payments.reduce((total, row) => total + of(row), 0)
  const ourIntents = new Set(payments.map((row) => row.provider_intent_id))
  const known = theirs.records.filter((record) => ourIntents.has(record.intentId))
  return {
    from: range.from.toISOString(),
    to: range.to.toISOString(),
    isComplete: isOursComplete && theirs.isComplete && mismatches.length <= MAX_MISMATCHES,
    payments: {
      count: payments.length,
      capturedCents: sum((row) => row.captured_cents),
      refundedCents: sum((row) => row.refunded_cents),
    },
    ledger: {
      capturedCents: sum((row) => row.ledger_captured_cents),
      refundedCents: sum((row) => row.ledger_refunded_cents),
    },
    provider: {
      count: known.length,
      capturedCents: known.reduce((total, record) => total + record.capturedCents, 0),
      refundedCents: known.reduce((total, record) => total + record.refundedCents, 0),
    },
    mismatches: mismatches.slice(0, MAX_MISMATCHES),
  }
}

function listPayments(db: Db, { from, to }: { from: Date; to: Date }): Promise<Row[]> {
  return db.query<Row>(
    `select p.id, p.order_id, p.status, p.amount_cents, p.captured_cents, p.refunded_cents, p.provider_intent_id,
       coalesce(booked.captured, 0)::bigint as ledger_captured_cents,
       coalesce(booked.refunded, 0)::bigint as ledger_refunded_cents
     from payments p
     left join lateral (
       select sum(e.amount_cents) filter (where t.kind = 'capture') as captured,
              -sum(e.amount_cents) filter (where t.kind = 'refund') as refunded
       from ledger_transactions t join ledger_entries e on e.transaction_id = t.id
       where t.payment_id = p.id and e.account = 'provider_receivable'
     ) as booked on true
     where p.created_at >= $1 and p.created_at < $2 and p.amount_cents is not null
     order by p.created_at limit $3`,
    [from, to, MAX_PAYMENTS + 1],
  )
}

function compareWithLedger(row: Row): Mismatch[] {
  const captured = row.captured_cents === row.ledger_captured_cents
  const refunded = row.refunded_cents === row.ledger_refunded_cents
  if (captured && refunded) return []
  const ours = `captured ${row.captured_cents}, refunded ${row.refunded_cents}`
  const theirs = `captured ${row.ledger_captured_cents}, refunded ${row.ledger_refunded_cents}`
  return [mismatch('ledger_differs', row, ours, theirs)]
}

const expectedStates: Readonly<Record<PaymentStatus, readonly ProviderRecord['state'][]>> = {
  processing: ['processing'],
  requires_action: ['requires_action'],
  authorized: ['authorized'],
  declined: ['declined', 'canceled'],
  captured: ['captured'],
  partially_refunded: ['captured'],
  refunded: ['captured'],
  voided: ['canceled'],
}

function compareWithProvider(row: Row, record: ProviderRecord | null): Mismatch[] {
  if (record === null) return [mismatch('missing_at_provider', row, row.status, null)]
  const found: Mismatch[] = []
  if (!expectedStates[row.status].includes(record.state)) {
    found.push(mismatch('status_differs', row, row.status, record.state))
  }
  if (row.amount_cents !== record.amountCents) {
    found.push(mismatch('amount_differs', row, row.amount_cents, record.amountCents))
  }
  if (row.captured_cents !== record.capturedCents) {
    found.push(mismatch('captured_differs', row, row.captured_cents, record.capturedCents))
  }
  if (row.refunded_cents !== record.refundedCents) {
    found.push(mismatch('refunded_differs', row, row.refunded_cents, record.refundedCents))
  }
  return found
}

/** The provider's records of the range that belong to no payment of ours, of whatever time. */
async function findUnknown(db: Db, payments: Row[], records: ProviderRecord[]): Promise<Mismatch[]> {
  const ours = new Set(payments.map((row) => row.provider_intent_id))
  const strangers = records.filter((record) => !ours.has(record.intentId))
  const known = await db.query<{ provider_intent_id: string }>(
    `select provider_intent_id from payments where provider_intent_id = any($1::text[])
     union all
     select intent.id from unnest($1::text[], $2::text[]) as intent (id, payment_id)
       join payments p on p.id::text = intent.payment_id and p.status = 'processing'`,
    [strangers.map((record) => record.intentId), strangers.map((record) => record.paymentId)],
  )
  const elsewhere = new Set(known.map((row) => row.provider_intent_id))
  return strangers
    .filter((record) => !elsewhere.has(record.intentId))
    .map((record) => ({
      kind: 'missing_here' as const,
      paymentId: record.paymentId,
      orderId: null,
      providerIntentId: record.intentId,
      ours: null,
      theirs: record.state,
    }))
}

function mismatch(
  kind: Mismatch['kind'],
  row: Row,
  ours: Mismatch['ours'],
  theirs: Mismatch['theirs'],
): Mismatch {
  return {
    kind,
    paymentId: row.id,
    orderId: row.order_id,
    providerIntentId: row.provider_intent_id,
    ours,
    theirs,
  }
}
