import type { Db } from '@urbanbloom/service-kit/db'
import { newId } from '@urbanbloom/service-kit/ids'
import { type Payment, type Split, splitRefund } from './payment.ts'

export type LedgerEntry = {
  transactionId: string
  kind: 'capture' | 'refund'
  reference: string
  account: string
  amountCents: number
  bookedAt: Date
}

/** Books the whole captured amount; the unique index refuses a second capture of a payment. */
export async function bookCapture(tx: Db, payment: Payment): Promise<void> {
  const { capturedCents, split } = payment
  const whole = capturedCents === payment.amountCents
  // A provider that captured less than was authorized is booked in proportion.
  const part = whole ? split : splitRefund(split, 0, capturedCents)
  await book(tx, payment.id, 'capture', payment.providerIntentId ?? payment.id, [
    ['provider_receivable', capturedCents],
    ...revenue(part, -1),
  ])
}

/** Books a refund of a payment as it was before the refund. */
export async function bookRefund(
  tx: Db,
  before: Payment,
  refund: { id: string; amountCents: number },
): Promise<void> {
  const part = splitRefund(before.split, before.refundedCents, refund.amountCents)
  await book(tx, before.id, 'refund', refund.id, [
    ['provider_receivable', -refund.amountCents],
    ...revenue(part, 1),
  ])
}

type Posting = [account: string, cents: number]

function revenue(split: Split, sign: 1 | -1): Posting[] {
  return [
    ['goods_revenue', sign * split.goodsCents],
    ['delivery_revenue', sign * split.deliveryCents],
    ['tax_payable', sign * split.taxCents],
  ]
}

async function book(
  tx: Db,
  paymentId: string,
  kind: 'capture' | 'refund',
  reference: string,
  postings: Posting[],
): Promise<void> {
  const entries = postings.filter(([, cents]) => cents !== 0)
  await tx.query(
    `with booked as (
       insert into ledger_transactions (id, payment_id, kind, reference) values ($1, $2, $3, $4) returning id
     )
     insert into ledger_entries (transaction_id, account, amount_cents)
     select booked.id, entry.account, entry.cents
     from booked, unnest($5::text[], $6::bigint[]) as entry (account, cents)`,
    [
      newId(),
      paymentId,
      kind,
      reference,
      entries.map(([account]) => account),
      entries.map(([, cents]) => cents),
    ],
  )
}

/** All entries of one payment, oldest first. */
export async function listEntries(db: Db, paymentId: string): Promise<LedgerEntry[]> {
  const rows = await db.query<{
    transaction_id: string
    kind: 'capture' | 'refund'
    reference: string
    account: string
    amount_cents: number
    booked_at: Date
  }>(
    `select t.id as transaction_id, t.kind, t.reference, e.account, e.amount_cents, t.booked_at
     from ledger_transactions t join ledger_entries e on e.transaction_id = t.id
     where t.payment_id = $1 order by t.booked_at, t.id, e.account limit 1000`,
    [paymentId],
  )
  return rows.map((row) => ({
    transactionId: row.transaction_id,
    kind: row.kind,
    reference: row.reference,
    account: row.account,
    amountCents: row.amount_cents,
    bookedAt: row.booked_at,
  }))
}
