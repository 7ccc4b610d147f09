import { createHash } from 'node:crypto'
import type { User } from '@urbanbloom/service-kit/auth'
import { conflict, notFound, ServiceError } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import { extensionOf, type ImageType, imageTypeOf } from '@urbanbloom/service-kit/image-type'
import type { StoredObject } from '@urbanbloom/service-kit/object-store'
import type { Context } from '../context.ts'
import { lockStop, stopNotFound } from '../driver/lock-stop.ts'
import {
  beginProofFile,
  deleteProofFile,
  findProofFile,
  finishProofFile,
  listEndedProofFiles,
  type ProofFile,
} from './proof-file-store.ts'

export type ProofFileView = { id: string; stopId: string; contentType: ImageType; sizeBytes: number }

const FILES_PER_STOP = 10
/** Half a year: longer than anybody may complain of a delivery. */
const KEPT_DAYS = 180
const ENDED_AT_A_TIME = 200
/** A driver who is late may still look at what they have photographed. */
const AFTER_SHIFT = '2 hours'

/**
 * Keeps a picture that the driver of the stop took. The same bytes again give the same file, so a phone may send again
 * what it had no answer to. The object is written between two statements and not in a transaction.
 */
export async function keepProofFile(
  ctx: Context,
  { driverId, stopId }: { driverId: string; stopId: string },
  bytes: Buffer,
): Promise<ProofFileView> {
  const contentType = imageTypeOf(bytes)
  if (contentType === null) {
    throw new ServiceError('unsupported_media', 'image_expected', 'The body is no JPEG, PNG or WebP picture')
  }
  const id = newId()
  const sha256 = createHash('sha256').update(bytes).digest()
  const file = await ctx.db.transaction(async (tx) => {
    const locked = await lockStop(tx, driverId, stopId)
    if (locked instanceof ServiceError) {
      throw locked.code === 'route_not_started' ? locked : stopNotFound(stopId)
    }
    const { orderId } = locked.stop
    const objectKey = `proofs/${orderId}/${id}.${extensionOf[contentType]}`
    const sizeBytes = bytes.length
    const begun = { id, stopId, orderId, driverId, contentType, sizeBytes, sha256, objectKey }
    return beginProofFile(tx, begun, FILES_PER_STOP)
  })
  if (file === null) {
    throw conflict('too_many_proof_files', `The stop has ${FILES_PER_STOP} files; use one of those`)
  }
  if (file.storedAt === null) {
    await ctx.objects.put(file.objectKey, bytes, { contentType })
    await finishProofFile(ctx.db, file.id)
  }
  return { id: file.id, stopId, contentType: file.contentType, sizeBytes: file.sizeBytes }
}

/**
 * The picture, for the customer of the order, for its driver until two hours after the shift, and for ops. To anybody
 * else there is none.
 */
export async function readProofFile(ctx: Context, user: User, fileId: string): Promise<StoredObject> {
  const file = await findProofFile(ctx.db, fileId)
  if (file === null || !(await mayRead(ctx, user, file))) throw noFile(fileId)
  const object = await ctx.objects.get(file.objectKey)
  if (object === null) throw noFile(fileId)
  // The type that was found in the bytes, and not what the store says.
  return { body: object.body, contentType: file.contentType }
}

function noFile(fileId: string): ServiceError {
  return notFound('proof_file_not_found', `There is no file ${fileId} that you may see`)
}

async function mayRead(ctx: Context, user: User, file: ProofFile & { customerId: string }): Promise<boolean> {
  switch (user.role) {
    case 'ops':
      return true
    case 'customer':
      return file.customerId === user.id
    case 'driver': {
      if (file.driverId !== user.id) return false
      const rows = await ctx.db.query(
        `select 1 from stops s join routes r on r.id = s.route_id join shifts h on h.id = r.shift_id
         where s.id = $1 and r.driver_id = $2 and r.started_at is not null
           and $3::timestamptz < upper(h.during) + $4::interval`,
        [file.stopId, user.id, ctx.now(), AFTER_SHIFT],
      )
      return rows.length > 0
    }
  }
}

/** Removes what broke off and what is older than half a year: the object first, so that no row is lost before it. */
export async function forgetOldProofFiles(ctx: Context): Promise<number> {
  const ended = await listEndedProofFiles(ctx.db, KEPT_DAYS, ENDED_AT_A_TIME)
  for (const file of ended) {
    await ctx.objects.delete(file.objectKey)
    await deleteProofFile(ctx.db, file.id)
  }
  return ended.length
}
