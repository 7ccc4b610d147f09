import { unavailable } from '@urbanbloom/service-kit/errors'
import type { PaymentContext } from './context.ts'
import type { Payment, ProviderFact } from './payment.ts'
import { ProviderRefused, ProviderUnavailable } from './payment-provider.ts'

/** The provider forgets idempotency keys after 24 hours; from then on a repeated authorization would be a new one. */
const REPEATABLE_MS = 23 * 3_600_000

/** Runs a call whose outcome may stay unknown; null then, and the settling job asks again. */
export async function askProvider<T>(
  ctx: PaymentContext,
  call: 'authorize' | 'retrieve' | 'capture' | 'void' | 'refund',
  paymentId: string,
  work: () => Promise<T>,
): Promise<T | null> {
  try {
    return await work()
  } catch (err) {
    if (!(err instanceof ProviderUnavailable)) throw err
    ctx.metrics.providerFailures.inc({ call })
    ctx.log.warn({ err, paymentId, call }, 'the payment provider did not answer; it is asked again later')
    return null
  }
}

/** Runs a call that the caller cannot go on without. */
export async function needProvider<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (err) {
    if (!(err instanceof ProviderUnavailable)) throw err
    const detail = 'The payment provider does not answer; try again shortly'
    throw unavailable('payment_provider_unavailable', detail, { cause: err })
  }
}

/** Authorizes, or learns how an earlier try of the same authorization ended. */
export async function askToAuthorize(
  ctx: PaymentContext,
  payment: Payment,
  token: string,
): Promise<ProviderFact | null> {
  const { id: paymentId, orderId, amountCents, currency } = payment
  try {
    return await askProvider(ctx, 'authorize', paymentId, () =>
      ctx.provider.authorize({ paymentId, orderId, amountCents, currency, token }),
    )
  } catch (err) {
    if (!(err instanceof ProviderRefused)) throw err
    ctx.log.warn({ paymentId, code: err.code }, 'the provider refused the request for an authorization')
    return declinedWith(err.code)
  }
}

/** How a payment without an outcome stands at the provider; null when it does not say. */
export async function askForOutcome(ctx: PaymentContext, payment: Payment): Promise<ProviderFact | null> {
  const { id, providerIntentId, providerToken, createdAt } = payment
  if (providerIntentId !== null) {
    return askProvider(ctx, 'retrieve', id, () => ctx.provider.retrieve(providerIntentId))
  }
  if (providerToken !== null && Date.now() - createdAt.getTime() < REPEATABLE_MS) {
    return askToAuthorize(ctx, payment, providerToken)
  }
  return askProvider(ctx, 'retrieve', id, async () => {
    const range = { from: new Date(createdAt.getTime() - 60_000), to: new Date() }
    return (await ctx.provider.find(id, range)) ?? declinedWith('provider_never_answered')
  })
}

function declinedWith(declineCode: string): ProviderFact {
  return { state: 'declined', intentId: null, capturedCents: 0, declineCode, nextAction: null }
}
