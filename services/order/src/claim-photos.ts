import { createHash } from 'node:crypto'
import { conflict, notFound, ServiceError } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import { extensionOf, imageTypeOf } from '@urbanbloom/service-kit/image-type'
import type { StoredObject } from '@urbanbloom/service-kit/object-store'
import {
  beginClaimPhoto,
  type ClaimPhoto,
  deleteClaimPhoto,
  findClaimPhoto,
  finishClaimPhoto,
  listEndedClaimPhotos,
} from './claim-photo-store.ts'
import { findClaim } from './claim-store.ts'
import type { OrderContext } from './context.ts'

export const PHOTOS_PER_CLAIM = 6
const KEPT_DAYS = 180
const REMOVED_AT_A_TIME = 200

/**
 * Keeps a photo of a customer's own claim while that is open. The same picture again is the same photo, so an upload
 * that broke off can be sent again.
 * @throws 404 `claim_not_found`, 409 `claim_already_resolved`, `too_many_claim_photos`, 415 `image_expected`.
 */
export async function keepClaimPhoto(
  ctx: OrderContext,
  { customerId, orderId, claimId }: { customerId: string; orderId: string; claimId: string },
  bytes: Buffer,
): Promise<ClaimPhoto> {
  const claim = await findClaim(ctx.db, claimId)
  if (claim === null || claim.customerId !== customerId || claim.orderId !== orderId) {
    throw notFound('claim_not_found', `The order ${orderId} has no claim ${claimId} of yours`)
  }
  const contentType = imageTypeOf(bytes)
  if (contentType === null) {
    throw new ServiceError('unsupported_media', 'image_expected', 'The photo is no JPEG, PNG or WebP')
  }
  const id = newId()
  const photo = await beginClaimPhoto(
    ctx.db,
    {
      id,
      claimId,
      contentType,
      sizeBytes: bytes.byteLength,
      sha256: createHash('sha256').update(bytes).digest(),
      objectKey: `claims/${claimId}/${id}.${extensionOf[contentType]}`,
    },
    PHOTOS_PER_CLAIM,
  )
  if (photo === null) {
    const { status } = (await findClaim(ctx.db, claimId)) ?? claim
    throw status === 'open'
      ? conflict('too_many_claim_photos', `The claim has ${PHOTOS_PER_CLAIM} photos already`)
      : conflict('claim_already_resolved', `The claim is ${status} already`)
  }
  if (photo.storedAt === null) {
    await ctx.objects.put(photo.objectKey, bytes, { contentType: photo.contentType })
    await finishClaimPhoto(ctx.db, photo.id)
  }
  return photo
}

/** A photo of a claim; `customerId` null is for ops. 404 for another customer's as for none. */
export async function readClaimPhoto(
  ctx: OrderContext,
  which: { claimId: string; photoId: string; customerId: string | null },
): Promise<StoredObject> {
  const photo = await findClaimPhoto(ctx.db, which)
  const stored = photo === null ? null : await ctx.objects.get(photo.objectKey)
  if (stored === null) throw notFound('claim_photo_not_found', `The claim has no photo ${which.photoId}`)
  return stored
}

/** Removes photos that nobody needs any more, the file first, so that none is forgotten; for a recurring job. */
export async function forgetOldClaimPhotos(ctx: OrderContext): Promise<void> {
  for (const { id, objectKey } of await listEndedClaimPhotos(ctx.db, KEPT_DAYS, REMOVED_AT_A_TIME)) {
    await ctx.objects.delete(objectKey)
    await deleteClaimPhoto(ctx.db, id)
  }
}
