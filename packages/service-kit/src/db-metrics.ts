import { X509Certificate } from 'node:crypto'
import type pg from 'pg'
import type { Metrics } from './metrics.ts'
import { createSampled } from './sampled.ts'

/** The pool, whether the database answers, and when the certificate ends that we trust it by. */
export function measureDatabase(
  pool: pg.Pool,
  { poolSize, ca }: { poolSize: number; ca: string | undefined },
  metrics: Metrics,
): void {
  measurePool(pool, poolSize, metrics)
  measureReachability(pool, metrics)
  measureCertificate(ca, metrics)
}

function measurePool(pool: pg.Pool, size: number, metrics: Metrics): void {
  metrics.gauge('db_pool_size', 'Connections that the pool may open', [], (gauge) => gauge.set(size))
  metrics.gauge('db_pool_connections', 'Connections of the pool by state', ['state'], (gauge) => {
    gauge.set({ state: 'idle' }, pool.idleCount)
    gauge.set({ state: 'busy' }, pool.totalCount - pool.idleCount)
    gauge.set({ state: 'waiting' }, pool.waitingCount)
  })
}

/** Absent while it cannot be known, such as when the pool has no connection left for the question. */
function measureReachability(pool: pg.Pool, metrics: Metrics): void {
  const isUp = createSampled(
    async () => {
      try {
        await pool.query('select 1')
        return 1
      } catch (err) {
        if (err instanceof Error && /timeout exceeded when trying to connect/.test(err.message)) throw err
        return 0
      }
    },
    { everyMs: 1_000 },
  )
  metrics.sampled(
    'db_up',
    'Whether the database answered the last time it was asked',
    [],
    isUp,
    (gauge, up) => gauge.set(up),
  )
}

/** Of several certificates in the file the one that expires first counts. Without a file there is no series. */
function measureCertificate(ca: string | undefined, metrics: Metrics): void {
  const pems = ca?.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (pems.length === 0) return
  const expiry = Math.min(...pems.map((pem) => Date.parse(new X509Certificate(pem).validTo) / 1000))
  metrics.gauge(
    'tls_certificate_expiry_timestamp_seconds',
    'When the first certificate of a file expires, in seconds since 1970',
    ['certificate'],
    (gauge) => gauge.set({ certificate: 'database_ca' }, expiry),
  )
}
