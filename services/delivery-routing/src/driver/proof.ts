import * as z from 'zod'

/** 100 KB as base64. */
const PHOTO_TEXT_MAX = Math.ceil((100 * 1024) / 3) * 4
const SIGNATURE_TEXT_MAX = 20_000
const UNDELIVERED_ITEMS_MAX = 100

const base64 = (max: number) =>
  z.base64().min(1).max(max, `is larger than the ${max} characters that are taken; make it smaller`)

const fileId = z.uuid().optional().describe('What `POST /v1/driver/stops/{id}/proof-files` answered')

const Photo = z
  .strictObject({
    kind: z.literal('photo'),
    fileId,
    reference: z.string().trim().min(1).max(500).optional().describe('Where else the photo is stored'),
    data: base64(PHOTO_TEXT_MAX).optional().describe('The photo itself as base64, at most 100 KB'),
  })
  .refine(
    (proof) => proof.fileId !== undefined || proof.reference !== undefined || proof.data !== undefined,
    'needs a fileId, a reference or data',
  )

const Signature = z
  .strictObject({
    kind: z.literal('signature'),
    fileId,
    name: z.string().trim().min(1).max(120).optional().describe('Who signed'),
    data: base64(SIGNATURE_TEXT_MAX).optional().describe('The drawing as base64'),
  })
  .refine(
    (proof) => proof.fileId !== undefined || proof.name !== undefined || proof.data !== undefined,
    'needs a fileId, a name or data',
  )

const Code = z.strictObject({
  kind: z.literal('code'),
  code: z
    .string()
    .trim()
    .min(1)
    .max(32)
    .describe('What the customer shows: `GET /v1/orders/{id}/tracking/handover`'),
})

export const Proof = z.discriminatedUnion('kind', [Photo, Signature, Code])
export type Proof = z.infer<typeof Proof>

/** What did not change hands where the rest did. */
export const Undelivered = z.strictObject({
  parcels: z.int().min(1).describe('How many of the parcels'),
  reason: z.string().trim().min(1).max(200),
  items: z
    .array(z.strictObject({ productId: z.uuid(), quantity: z.int().min(1).max(10_000) }))
    .max(UNDELIVERED_ITEMS_MAX)
    .default([]),
})
export type Undelivered = z.infer<typeof Undelivered>

/** What is said of a delivery, online and from the memory of a phone. */
export const Handover = {
  proof: Proof,
  leftAtDoor: z.boolean().optional().describe('Only where the customer allowed it'),
  undelivered: Undelivered.optional(),
  codeReason: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .optional()
    .describe(
      'Why there is no code at a stop that needs one because of its value (`codeWaivable`); it is kept',
    ),
}
