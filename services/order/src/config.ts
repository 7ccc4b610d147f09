import {
  databaseConfig,
  databaseEnvironment,
  httpConfig,
  httpEnvironment,
  httpUrl,
  milliseconds,
  readEnvironment,
} from '@urbanbloom/service-kit/config'
import { objectStoreConfig, objectStoreEnvironment } from '@urbanbloom/service-kit/object-store-config'
import * as z from 'zod'
import { crashSteps } from './crash-steps.ts'

export type Config = ReturnType<typeof readConfig>

/** The environment of `order`; the only place that reads it. */
export function readConfig(env: NodeJS.ProcessEnv) {
  const values = readEnvironment(env, {
    ...httpEnvironment,
    ...databaseEnvironment,
    ...objectStoreEnvironment,
    AUTH_URL: httpUrl,
    INVENTORY_URL: httpUrl,
    DELIVERY_ROUTING_URL: httpUrl,
    PAYMENT_URL: httpUrl,
    TAX_BASIS_POINTS: z.coerce.number().int().min(0).max(5_000).default(890),
    CHECKOUT_LEASE_MS: milliseconds.default(20_000),
    PAYMENT_ACTION_LIMIT_MS: milliseconds.default(15 * 60_000),
    RECOVERY_INTERVAL_MS: milliseconds.default(2_000),
    CRASH_AT: z.enum(crashSteps).optional(),
  })
  return {
    http: httpConfig(values),
    database: databaseConfig(values),
    /** Where photos of claims are kept. */
    objects: objectStoreConfig(values),
    authUrl: values.AUTH_URL,
    inventoryUrl: values.INVENTORY_URL,
    deliveryRoutingUrl: values.DELIVERY_ROUTING_URL,
    paymentUrl: values.PAYMENT_URL,
    /** Sales tax in Atlanta, on goods and delivery: 890 is 8.9 %. */
    taxBasisPoints: values.TAX_BASIS_POINTS,
    /** How long one process may work on an order before another takes it over; longer than any request. */
    leaseMs: values.CHECKOUT_LEASE_MS,
    /** How long a customer may take to approve a payment with the bank. */
    paymentActionLimitMs: values.PAYMENT_ACTION_LIMIT_MS,
    recoveryIntervalMs: values.RECOVERY_INTERVAL_MS,
    /** The step of the saga at which the process kills itself; set by the crash tests alone. */
    crashAt: values.CRASH_AT,
  }
}
