import { type Authenticator, userOf } from '@urbanbloom/service-kit/auth'
import { acceptBytes, UPLOAD_LIMIT_BYTES } from '@urbanbloom/service-kit/binary-body'
import { invalid } from '@urbanbloom/service-kit/errors'
import type { StoredObject } from '@urbanbloom/service-kit/object-store'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import type { FastifyReply } from 'fastify'
import * as z from 'zod'
import { keepClaimPhoto, PHOTOS_PER_CLAIM, readClaimPhoto } from './claim-photos.ts'
import type { OrderContext } from './context.ts'

const imageTypes = ['image/jpeg', 'image/png', 'image/webp'] as const

/** Bytes in the OpenAPI document; the bytes themselves are looked at by the use case. */
const Bytes = z.any().meta({ type: 'string', format: 'binary' })
const image = {
  description: 'The picture',
  content: Object.fromEntries(imageTypes.map((type) => [type, { schema: Bytes }])),
}

export const PublicClaimPhoto = z
  .object({ id: z.string(), contentType: z.enum(imageTypes), sizeBytes: z.int() })
  .meta({ id: 'ClaimPhoto' })

const unknownPhoto = problems({ 404: '`claim_photo_not_found`: none, or not yours to see' })

/** Photos of what is damaged: customers add them to a claim of their own; they and ops look at them. */
export function registerClaimPhotoRoutes(app: App, ctx: OrderContext, auth: Authenticator): void {
  // In a scope of its own, so that no other route takes such bodies.
  void app.register(async (scope: App) => registerUpload(scope, ctx, auth))

  app.get(
    '/v1/orders/:id/claims/:claimId/photos/:photoId',
    {
      onRequest: auth.require('customer'),
      schema: {
        tags: ['Orders'],
        summary: 'A photo of your claim',
        security: bearer,
        params: z.object({ id: z.uuid(), claimId: z.uuid(), photoId: z.uuid() }),
        response: { 200: image, ...unknownPhoto },
      },
    },
    async (request, reply) => {
      const { claimId, photoId } = request.params
      return send(reply, await readClaimPhoto(ctx, { claimId, photoId, customerId: userOf(request).id }))
    },
  )

  app.get(
    '/v1/claims/:id/photos/:photoId',
    {
      onRequest: auth.require('ops'),
      schema: {
        tags: ['Ops: claims'],
        summary: 'A photo of a claim',
        security: bearer,
        params: z.object({ id: z.uuid(), photoId: z.uuid() }),
        response: { 200: image, ...unknownPhoto },
      },
    },
    async (request, reply) => {
      const { id: claimId, photoId } = request.params
      return send(reply, await readClaimPhoto(ctx, { claimId, photoId, customerId: null }))
    },
  )
}

function registerUpload(app: App, ctx: OrderContext, auth: Authenticator): void {
  acceptBytes(app, imageTypes)
  app.post(
    '/v1/orders/:id/claims/:claimId/photos',
    {
      onRequest: auth.require('customer'),
      bodyLimit: UPLOAD_LIMIT_BYTES,
      schema: {
        tags: ['Orders'],
        summary: 'Add a photo to your claim',
        description:
          `A JPEG, PNG or WebP of at most 3 MB as the body; at most ${PHOTOS_PER_CLAIM} to a claim, while it is open. ` +
          'The same picture again is the same photo.',
        security: bearer,
        consumes: [...imageTypes],
        params: z.object({ id: z.uuid(), claimId: z.uuid() }),
        body: Bytes,
        response: {
          201: PublicClaimPhoto,
          ...problems({
            404: '`claim_not_found`',
            409: '`claim_already_resolved`, `too_many_claim_photos`',
            413: '`body_too_large`',
            415: '`image_expected`, `unsupported_media_type`',
            503: '`object_store_unavailable`',
          }),
        },
      },
    },
    async (request, reply) => {
      const { body } = request
      if (!Buffer.isBuffer(body)) {
        throw invalid('image_expected', `Send the photo itself, as ${imageTypes.join(', ')}`)
      }
      const { id: orderId, claimId } = request.params
      const target = { customerId: userOf(request).id, orderId, claimId }
      const { id, contentType, sizeBytes } = await keepClaimPhoto(ctx, target, body)
      return reply.code(201).send({ id, contentType, sizeBytes })
    },
  )
}

/** Nothing of it may run or be kept by others, whatever it is. */
function send(reply: FastifyReply, { body, contentType }: StoredObject): FastifyReply {
  return reply
    .header('content-type', contentType)
    .header('cache-control', 'private, max-age=86400, immutable')
    .header('x-content-type-options', 'nosniff')
    .header('content-security-policy', "default-src 'none'; sandbox")
    .send(body)
}
