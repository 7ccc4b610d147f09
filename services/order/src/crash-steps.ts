/** The places between two effects at which the crash tests kill the process. */
export const crashSteps = [
  'priced',
  'order_inserted',
  'stock_reserved',
  'window_held',
  'all_held',
  'payment_authorized',
  'order_confirmed',
  'order_rejected',
  'unwound',
  'cancelling',
  'delivery_released',
  'order_cancelled',
] as const

export type CrashStep = (typeof crashSteps)[number]
