import type { Db } from '@urbanbloom/service-kit/db'
import type { ImageType } from '@urbanbloom/service-kit/image-type'

export type ProofFile = {
  id: string
  stopId: string
  orderId: string
  driverId: string
  contentType: ImageType
  sizeBytes: number
  sha256: Buffer
  objectKey: string
  createdAt: Date
  /** Null while its upload is under way, or has broken off. */
  storedAt: Date | null
}

const columns = `id, stop_id, order_id, driver_id, content_type, size_bytes, sha256, object_key, created_at, stored_at`

/** The file, or the one with the same content that the stop has already; null where the stop has `most` of them. */
export async function beginProofFile(
  db: Db,
  file: Omit<ProofFile, 'createdAt' | 'storedAt'>,
  most: number,
): Promise<ProofFile | null> {
  const known = await db.query<Row>(`select ${columns} from proof_files where stop_id = $1 and sha256 = $2`, [
    file.stopId,
    file.sha256,
  ])
  if (known[0] !== undefined) return toProofFile(known[0])
  const rows = await db.query<Row>(
    `insert into proof_files (id, stop_id, order_id, driver_id, content_type, size_bytes, sha256, object_key)
     select $1, $2, $3, $4, $5, $6, $7, $8 where (select count(*) from proof_files where stop_id = $2) < $9
     on conflict (stop_id, sha256) do update set size_bytes = excluded.size_bytes
     returning ${columns}`,
    [
      file.id,
      file.stopId,
      file.orderId,
      file.driverId,
      file.contentType,
      file.sizeBytes,
      file.sha256,
      file.objectKey,
      most,
    ],
  )
  return rows[0] === undefined ? null : toProofFile(rows[0])
}

export async function finishProofFile(db: Db, id: string): Promise<void> {
  await db.query('update proof_files set stored_at = coalesce(stored_at, now()) where id = $1', [id])
}

export async function isProofFileOf(db: Db, id: string, stopId: string): Promise<boolean> {
  const rows = await db.query(
    'select id from proof_files where id = $1 and stop_id = $2 and stored_at is not null',
    [id, stopId],
  )
  return rows.length > 0
}

/** A file that is there, with whose order it is of. */
export async function findProofFile(
  db: Db,
  id: string,
): Promise<(ProofFile & { customerId: string }) | null> {
  const [row] = await db.query<Row & { customer_id: string }>(
    `select ${columns
      .split(', ')
      .map((name) => `f.${name}`)
      .join(', ')}, d.customer_id
     from proof_files f join deliveries d on d.order_id = f.order_id
     where f.id = $1 and f.stored_at is not null`,
    [id],
  )
  return row === undefined ? null : { ...toProofFile(row), customerId: row.customer_id }
}

/** Files that broke off a day ago, or are older than what is kept. */
export async function listEndedProofFiles(db: Db, keptDays: number, limit: number): Promise<ProofFile[]> {
  const rows = await db.query<Row>(
    `select ${columns} from proof_files
     where created_at < now() - make_interval(days => $1)
        or (stored_at is null and created_at < now() - interval '1 day')
     order by created_at limit $2`,
    [keptDays, limit],
  )
  return rows.map(toProofFile)
}

export async function deleteProofFile(db: Db, id: string): Promise<void> {
  await db.query('delete from proof_files where id = $1', [id])
}

type Row = {
  id: string
  stop_id: string
  order_id: string
  driver_id: string
  content_type: ImageType
  size_bytes: number
  sha256: Buffer
  object_key: string
  created_at: Date
  stored_at: Date | null
}

function toProofFile(row: Row): ProofFile {
  return {
    id: row.id,
    stopId: row.stop_id,
    orderId: row.order_id,
    driverId: row.driver_id,
    contentType: row.content_type,
    sizeBytes: row.size_bytes,
    sha256: row.sha256,
    objectKey: row.object_key,
    createdAt: row.created_at,
    storedAt: row.stored_at,
  }
}
