import { ServiceError } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { keepProofFile } from '../proofs/proof-files.ts'
import { INLINE_PICTURE_BYTES_MAX } from './proof.ts'
import type { Said } from './said.ts'

/** Whether a picture came with what was said, and not before it. */
export function hasInlinePicture(said: Said): boolean {
  return said.type === 'deliver' && said.proof.kind !== 'code' && said.proof.data !== undefined
}

/**
 * Keeps the picture that came with a handover like one that was uploaded before, and says the same with its `fileId`.
 * The same picture again is the same file, so that a report may be sent again. Not to be called in a transaction.
 * @throws 413 `picture_too_large`, 415 `image_expected`, and what keeping an upload throws.
 */
export async function keepInlinePicture(
  ctx: Context,
  target: { driverId: string; stopId: string },
  said: Said,
): Promise<Said> {
  if (said.type !== 'deliver' || said.proof.kind === 'code' || said.proof.data === undefined) return said
  const { data, ...proof } = said.proof
  const bytes = Buffer.from(data, 'base64')
  if (bytes.length > INLINE_PICTURE_BYTES_MAX) {
    throw new ServiceError(
      'too_large',
      'picture_too_large',
      `The picture has ${bytes.length} bytes; with a report go at most ${INLINE_PICTURE_BYTES_MAX}, so upload it before`,
    )
  }
  const { id: fileId } = await keepProofFile(ctx, target, bytes)
  return { ...said, proof: { ...proof, fileId } }
}

/** What was said without its picture, where that is not to be kept. */
export function withoutInlinePicture(said: Said): Said {
  if (said.type !== 'deliver' || said.proof.kind === 'code') return said
  const { data: _data, ...proof } = said.proof
  return { ...said, proof }
}
