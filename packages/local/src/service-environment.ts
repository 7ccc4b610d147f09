import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { webhookEvents } from '@urbanbloom/contracts/stripe-webhook'
import { type ProgramName, repository } from './programs.ts'
import type { Secrets } from './secrets.ts'

export type Ports = Readonly<Record<ProgramName, number>>

/** One system of processes on this machine: all that their environments depend on. */
export type Deployment = {
  ports: Ports
  /** Where the gateway answers `/metrics`; nowhere unless given. */
  gatewayMetricsPort?: number
  /** The ports of all replicas where there are several, so that the gateway can spread its requests over them. */
  replicas?: readonly Ports[]
  /** The URL with which a service logs in to the database, with its own role. */
  databaseUrlFor: (service: string) => string
  redisUrl: string
  secrets: Secrets
  logLevel: string
  /** Where the payment sandbox keeps its journal; without one it forgets everything when it stops. */
  sandboxFolder?: string
  /** Where mails to customers are written as files; without one none are sent. */
  mailFolder?: string
  /** Where pictures are kept, for all replicas. */
  objectsFolder: string
}

/** Far above what one person does, so that tests and benchmarks on this machine meet no limit. */
const NO_LIMIT_PER_MINUTE = '60000'

/** Node keeps what it compiled there, which saves a process two fifths of its start. */
const NODE_COMPILE_CACHE = join(repository, 'node_modules/.cache/compiled')

/** What a process gets from ours; the rest of our environment is none of its business. */
const inherited = [
  'PATH',
  'HOME',
  'TMPDIR',
  'TZ',
  'SSL_CERT_FILE',
  'NODE_EXTRA_CA_CERTS',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_TRACES_SAMPLER_ARG',
  'OSRM_URL',
] as const

/**
 * The environment of one program: the only place that knows it, for `npm start` and for the tests.
 * Every service gets the addresses of all others; which ones it calls is its own affair.
 */
export function programEnvironment(program: ProgramName, deployment: Deployment): NodeJS.ProcessEnv {
  return {
    ...Object.fromEntries(inherited.map((name) => [name, process.env[name]])),
    NODE_COMPILE_CACHE,
    PORT: String(deployment.ports[program]),
    // This machine only: the local accounts have a password that everybody knows.
    HOST: '127.0.0.1',
    LOG_LEVEL: deployment.logLevel,
    ...(program === 'payment-sandbox' ? sandboxOwn(deployment) : serviceOwn(program, deployment)),
  }
}

/** Where a program of this deployment answers. */
export function urlOf(program: ProgramName, { ports }: Pick<Deployment, 'ports'>): string {
  return `http://127.0.0.1:${ports[program]}`
}

function serviceOwn(service: Exclude<ProgramName, 'payment-sandbox'>, deployment: Deployment) {
  if (service === 'gateway') return gatewayOwn(deployment)
  const { secrets, redisUrl, databaseUrlFor } = deployment
  const shared = {
    INTERNAL_TOKEN: secrets.internalToken,
    REDIS_URL: redisUrl,
    AUTH_URL: urlOf('auth', deployment),
    INVENTORY_URL: urlOf('inventory', deployment),
    ORDER_URL: urlOf('order', deployment),
    PAYMENT_URL: urlOf('payment', deployment),
    DELIVERY_ROUTING_URL: urlOf('delivery-routing', deployment),
  }
  switch (service) {
    case 'auth':
      return {
        ...shared,
        DATABASE_URL: databaseUrlFor(service),
        SIGNING_KEY_SECRET: secrets.signingKeySecret,
      }
    case 'payment':
      return {
        ...shared,
        DATABASE_URL: databaseUrlFor(service),
        STRIPE_API_KEY: secrets.stripeApiKey,
        STRIPE_API_URL: urlOf('payment-sandbox', deployment),
        STRIPE_IS_SANDBOX: 'true',
        STRIPE_WEBHOOK_SECRET: secrets.stripeWebhookSecret,
      }
    case 'delivery-routing':
      return {
        ...shared,
        DATABASE_URL: databaseUrlFor(service),
        PUBLIC_URL: urlOf('gateway', deployment),
        OBJECT_STORE_URL: pathToFileURL(deployment.objectsFolder).href,
        // Simulated days run at any speed, and so do their vans.
        POSITION_SPEED_MAX_MPS: '1000000',
        WEBHOOK_PRIVATE_ADDRESSES: 'allow',
        ...(deployment.mailFolder !== undefined && { MAIL_FOLDER: deployment.mailFolder }),
      }
    case 'order':
      return {
        ...shared,
        DATABASE_URL: databaseUrlFor(service),
        OBJECT_STORE_URL: pathToFileURL(deployment.objectsFolder).href,
      }
    case 'inventory':
      return { ...shared, DATABASE_URL: databaseUrlFor(service) }
  }
}

/** The gateway calls every replica and never a path under `/internal`, so it does not know their token. */
function gatewayOwn(deployment: Deployment) {
  const { redisUrl, ports, replicas = [ports] } = deployment
  const everyUrl = (program: ProgramName) => replicas.map((each) => urlOf(program, { ports: each })).join(',')
  return {
    REDIS_URL: redisUrl,
    AUTH_URL: everyUrl('auth'),
    INVENTORY_URL: everyUrl('inventory'),
    ORDER_URL: everyUrl('order'),
    PAYMENT_URL: everyUrl('payment'),
    DELIVERY_ROUTING_URL: everyUrl('delivery-routing'),
    ...(deployment.gatewayMetricsPort !== undefined && {
      METRICS_PORT: String(deployment.gatewayMetricsPort),
    }),
    RATE_LIMIT_PER_MINUTE: NO_LIMIT_PER_MINUTE,
    AUTH_RATE_LIMIT_PER_MINUTE: NO_LIMIT_PER_MINUTE,
  }
}

function sandboxOwn(deployment: Deployment) {
  const { secrets, sandboxFolder } = deployment
  return {
    SANDBOX_API_KEY: secrets.stripeApiKey,
    // Through the gateway, as the provider's own webhooks come.
    SANDBOX_WEBHOOK_URL: `${urlOf('gateway', deployment)}/v1/payments/webhooks/stripe`,
    SANDBOX_WEBHOOK_SECRET: secrets.stripeWebhookSecret,
    SANDBOX_WEBHOOK_EVENTS: webhookEvents.join(','),
    ...(sandboxFolder !== undefined && { SANDBOX_DATA_DIR: sandboxFolder }),
  }
}
