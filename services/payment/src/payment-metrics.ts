import type { Metrics } from '@urbanbloom/service-kit/metrics'

export type PaymentMetrics = ReturnType<typeof createPaymentMetrics>

/** What the service counts beside requests and jobs. All labels have few values. */
export function createPaymentMetrics(metrics: Metrics) {
  return {
    transitions: metrics.counter('payment_transitions_total', 'Payments that reached a status', ['status']),
    providerFailures: metrics.counter(
      'payment_provider_failures_total',
      'Calls of the provider without a usable answer, by what was asked',
      ['call'],
    ),
    webhooks: metrics.counter('payment_webhooks_total', 'Webhooks received, by what became of them', [
      'result',
    ]),
    refunds: metrics.counter('payment_refunds_total', 'Refunds by outcome', ['status']),
  }
}
