import type { Db } from '@urbanbloom/service-kit/db'
import type { ImageType } from '@urbanbloom/service-kit/image-type'

export type ClaimPhoto = {
  id: string
  claimId: string
  contentType: ImageType
  sizeBytes: number
  objectKey: string
  /** Null while its upload is under way, or has broken off. */
  storedAt: Date | null
}

const columns = `p.id, p.claim_id as "claimId", p.content_type as "contentType", p.size_bytes as "sizeBytes",
  p.object_key as "objectKey", p.stored_at as "storedAt"`

/**
 * Begins an upload to a claim that is open. The same picture is the same photo.
 * @returns null where the claim is decided, or has `most` photos.
 */
export async function beginClaimPhoto(
  db: Db,
  photo: Omit<ClaimPhoto, 'storedAt'> & { sha256: Buffer },
  most: number,
): Promise<ClaimPhoto | null> {
  const [known] = await db.query<ClaimPhoto>(
    `select ${columns} from claim_photos p where p.claim_id = $1 and p.sha256 = $2`,
    [photo.claimId, photo.sha256],
  )
  if (known !== undefined) return known
  const [row] = await db.query<ClaimPhoto>(
    `insert into claim_photos as p (id, claim_id, content_type, size_bytes, sha256, object_key)
     select $1, c.id, $3, $4, $5, $6 from claims c
     where c.id = $2 and c.status = 'open' and (select count(*) from claim_photos where claim_id = c.id) < $7
     on conflict (claim_id, sha256) do update set size_bytes = excluded.size_bytes
     returning ${columns}`,
    [photo.id, photo.claimId, photo.contentType, photo.sizeBytes, photo.sha256, photo.objectKey, most],
  )
  return row ?? null
}

export async function finishClaimPhoto(db: Db, id: string): Promise<void> {
  await db.query('update claim_photos set stored_at = coalesce(stored_at, now()) where id = $1', [id])
}

/** The photos of claims that are there, by claim. */
export async function photosOfClaims(
  db: Db,
  claimIds: readonly string[],
): Promise<Map<string, ClaimPhoto[]>> {
  const rows = await db.query<ClaimPhoto>(
    `select ${columns} from claim_photos p
     where p.claim_id = any($1::uuid[]) and p.stored_at is not null order by p.id`,
    [claimIds],
  )
  return Map.groupBy(rows, ({ claimId }) => claimId)
}

/** A photo that is there; of a customer's own claim where one is named. */
export async function findClaimPhoto(
  db: Db,
  { claimId, photoId, customerId }: { claimId: string; photoId: string; customerId: string | null },
): Promise<ClaimPhoto | null> {
  const [row] = await db.query<ClaimPhoto>(
    `select ${columns} from claim_photos p join claims c on c.id = p.claim_id
     where p.id = $1 and c.id = $2 and p.stored_at is not null and ($3::uuid is null or c.customer_id = $3)`,
    [photoId, claimId, customerId],
  )
  return row ?? null
}

/** Photos that broke off a day ago, and those of claims that were decided long ago. */
export async function listEndedClaimPhotos(db: Db, keptDays: number, limit: number): Promise<ClaimPhoto[]> {
  return db.query<ClaimPhoto>(
    `select ${columns} from claim_photos p join claims c on c.id = p.claim_id
     where (p.stored_at is null and p.created_at < now() - interval '1 day')
        or c.resolved_at < now() - make_interval(days => $1)
     order by p.created_at limit $2`,
    [keptDays, limit],
  )
}

export async function deleteClaimPhoto(db: Db, id: string): Promise<void> {
  await db.query('delete from claim_photos where id = $1', [id])
}
