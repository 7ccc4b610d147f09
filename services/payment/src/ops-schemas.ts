import { paymentStatuses } from '@urbanbloom/contracts/payment'
import * as z from 'zod'

export const RefundView = z.object({
  id: z.uuid(),
  paymentId: z.uuid(),
  status: z.enum(['pending', 'succeeded', 'failed']),
  amountCents: z.int(),
  reason: z.string(),
  failureCode: z.string().optional(),
  requestedBy: z.uuid().optional(),
  createdAt: z.iso.datetime(),
})

export const PaymentView = z.object({
  id: z.uuid(),
  orderId: z.uuid(),
  customerId: z.uuid().optional(),
  status: z.enum(paymentStatuses),
  amountCents: z.int(),
  capturedCents: z.int(),
  refundedCents: z.int(),
  refundPendingCents: z.int(),
  currency: z.string(),
  declineCode: z.string().optional(),
  provider: z.string(),
  providerIntentId: z.string().optional(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  refunds: z.array(RefundView),
  ledger: z.array(
    z.object({
      transactionId: z.uuid(),
      kind: z.enum(['capture', 'refund']),
      account: z.string(),
      amountCents: z.int(),
      bookedAt: z.iso.datetime(),
    }),
  ),
})

export const RefundBody = z.strictObject({
  amountCents: z.int().min(1).optional(),
  reason: z.string().trim().min(1).max(200),
})

export const RangeQuery = z.object({ from: z.iso.datetime().optional(), to: z.iso.datetime().optional() })

const Sums = { capturedCents: z.int(), refundedCents: z.int() }
export const Reconciliation = z.object({
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  isComplete: z.boolean(),
  payments: z.object({ count: z.int(), ...Sums }),
  ledger: z.object(Sums),
  provider: z.object({ count: z.int(), ...Sums }),
  mismatches: z.array(
    z.object({
      kind: z.string(),
      paymentId: z.string().nullable(),
      orderId: z.string().nullable(),
      providerIntentId: z.string().nullable(),
      ours: z.union([z.string(), z.number()]).nullable(),
      theirs: z.union([z.string(), z.number()]).nullable(),
    }),
  ),
})
