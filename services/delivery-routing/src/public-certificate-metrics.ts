import { connect } from 'node:tls'
import type { Metrics } from '@urbanbloom/service-kit/metrics'
import { createSampled } from '@urbanbloom/service-kit/sampled'

const EVERY_MS = 10 * 60_000
const LIMIT_MS = 5_000
const labels = { certificate: 'public_address' } as const

/**
 * Watches when the certificate expires that customers and drivers are shown at the public address. It lies outside of
 * our processes, at a load balancer, so it is looked at from outside. Without TLS there is nothing to watch.
 */
export function measurePublicCertificate(
  publicUrl: string,
  metrics: Metrics,
  { everyMs = EVERY_MS }: { everyMs?: number } = {},
): void {
  const { protocol, hostname, port } = new URL(publicUrl)
  if (protocol !== 'https:') return
  const sample = createSampled(
    () => readExpiry(hostname, port === '' ? 443 : Number(port)).catch(() => null),
    { everyMs },
  )
  metrics.sampled(
    'tls_server_certificate_expiry_timestamp_seconds',
    'When the certificate expires that an address shows, in seconds since 1970',
    ['certificate'],
    sample,
    (gauge, expiry) => {
      if (expiry !== null) gauge.set(labels, expiry)
    },
  )
  metrics.sampled(
    'tls_server_certificate_seen',
    'Whether the address showed a certificate the last time it was asked',
    ['certificate'],
    sample,
    (gauge, expiry) => gauge.set(labels, expiry === null ? 0 : 1),
  )
}

/** Seconds since 1970. A certificate that is not trusted, such as an expired one, has an end, too. */
function readExpiry(host: string, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const socket = connect({ host, port, servername: host, rejectUnauthorized: false, timeout: LIMIT_MS })
  socket.on('timeout', () => socket.destroy(new Error(`${host}:${port} did not answer in time`)))
  socket.on('error', reject)
  socket.on('secureConnect', () => {
    const expiry = Date.parse(socket.getPeerCertificate().valid_to) / 1000
    if (Number.isFinite(expiry)) resolve(expiry)
    else reject(new Error(`${host}:${port} showed no certificate`))
    socket.destroy()
  })
  return promise
}
