import { userOf } from '@urbanbloom/service-kit/auth'
import { acceptBytes, UPLOAD_LIMIT_BYTES } from '@urbanbloom/service-kit/binary-body'
import { invalid } from '@urbanbloom/service-kit/errors'
import type { StoredObject } from '@urbanbloom/service-kit/object-store'
import { bearer, problems } from '@urbanbloom/service-kit/openapi'
import type { App } from '@urbanbloom/service-kit/server'
import type { FastifyReply } from 'fastify'
import * as z from 'zod'
import type { Context } from '../context.ts'
import { IdParams } from '../schemas.ts'
import { keepProofFile, readProofFile } from './proof-files.ts'

const imageTypes = ['image/jpeg', 'image/png', 'image/webp'] as const

/** Bytes in the OpenAPI document; the bytes themselves are looked at by the use case. */
const Bytes = z.any().meta({ type: 'string', format: 'binary' })

const ProofFile = z
  .object({
    id: z.uuid(),
    stopId: z.uuid(),
    contentType: z.enum(imageTypes),
    sizeBytes: z.int(),
  })
  .meta({ id: 'ProofFile' })

const image = {
  description: 'The picture',
  content: Object.fromEntries(imageTypes.map((type) => [type, { schema: Bytes }])),
}
const unknownFile = problems({ 404: '`proof_file_not_found`: none, or not yours to see' })

export function registerProofFileRoutes(app: App, ctx: Context): void {
  // In a scope of its own, so that no other route takes such bodies.
  void app.register(async (scope: App) => registerUpload(scope, ctx))

  app.get(
    '/v1/driver/proof-files/:id',
    {
      onRequest: ctx.auth.require('driver'),
      schema: {
        summary: 'A picture that you took',
        description: 'Until two hours after the shift.',
        tags: ['Driver'],
        security: bearer,
        params: IdParams,
        response: { 200: image, ...unknownFile },
      },
    },
    async (request, reply) => send(reply, await readProofFile(ctx, userOf(request), request.params.id)),
  )

  app.get(
    '/v1/orders/:id/tracking/proof-files/:fileId',
    {
      onRequest: ctx.auth.require('customer'),
      schema: {
        summary: 'A picture of the handover of your order',
        tags: ['Tracking'],
        security: bearer,
        params: IdParams.extend({ fileId: z.uuid() }),
        response: { 200: image, ...unknownFile },
      },
    },
    async (request, reply) => send(reply, await readProofFile(ctx, userOf(request), request.params.fileId)),
  )

  app.get(
    '/v1/dispatch/proof-files/:id',
    {
      onRequest: ctx.auth.require('ops'),
      schema: {
        summary: 'A picture of a handover',
        tags: ['Dispatch'],
        security: bearer,
        params: IdParams,
        response: { 200: image, ...unknownFile },
      },
    },
    async (request, reply) => send(reply, await readProofFile(ctx, userOf(request), request.params.id)),
  )
}

function registerUpload(app: App, ctx: Context): void {
  acceptBytes(app, imageTypes)
  app.post(
    '/v1/driver/stops/:id/proof-files',
    {
      onRequest: ctx.auth.require('driver'),
      bodyLimit: UPLOAD_LIMIT_BYTES,
      schema: {
        summary: 'Send a picture of a handover',
        description:
          'A JPEG, PNG or WebP of at most 3 MB as the body. Its `id` is the `fileId` of a proof. The same picture again ' +
          'is the same file, so it can be sent again; it may also come after the stop was reported.',
        tags: ['Driver'],
        security: bearer,
        consumes: [...imageTypes],
        params: IdParams,
        body: Bytes,
        response: {
          201: ProofFile,
          ...problems({
            404: '`stop_not_found`',
            409: '`route_not_started`, `too_many_proof_files`',
            413: '`body_too_large`',
            415: '`image_expected`, `unsupported_media_type`',
            503: '`object_store_unavailable`',
          }),
        },
      },
    },
    async (request, reply) => {
      const { body } = request
      if (!Buffer.isBuffer(body))
        throw invalid('image_expected', `Send the picture itself, as ${imageTypes.join(', ')}`)
      const target = { driverId: userOf(request).id, stopId: request.params.id }
      return reply.code(201).send(await keepProofFile(ctx, target, body))
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
