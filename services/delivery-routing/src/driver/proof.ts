import * as z from 'zod'

/** A picture that is sent with a report and not before it. */
export const INLINE_PICTURE_BYTES_MAX = 100 * 1024
/** What a body has room for in any case; the limit on the bytes themselves is checked where they are decoded. */
const INLINE_TEXT_MAX = 256 * 1024
const UNDELIVERED_ITEMS_MAX = 100

const fileId = z.uuid().optional().describe('What `POST /v1/driver/stops/{id}/proof-files` answered')
const data = z
  .base64()
  .min(1)
  .max(INLINE_TEXT_MAX)
  .optional()
  .describe(
    'The JPEG, PNG or WebP itself as base64, at most 100 KB; it is kept as a file and becomes the `fileId`',
  )

const Photo = z
  .strictObject({
    kind: z.literal('photo'),
    fileId,
    reference: z.string().trim().min(1).max(500).optional().describe('What the phone calls the photo'),
    data,
  })
  .refine(
    (proof) => proof.fileId !== undefined || proof.data !== undefined,
    'needs the photo: a fileId, or data',
  )
  .refine(isOnePicture, 'has a fileId or data, not both')

const Signature = z
  .strictObject({
    kind: z.literal('signature'),
    fileId,
    name: z.string().trim().min(1).max(120).optional().describe('Who signed'),
    data,
  })
  .refine(
    (proof) => proof.fileId !== undefined || proof.name !== undefined || proof.data !== undefined,
    'needs a fileId, a name or data',
  )
  .refine(isOnePicture, 'has a fileId or data, not both')

function isOnePicture(proof: { fileId?: string | undefined; data?: string | undefined }): boolean {
  return proof.fileId === undefined || proof.data === undefined
}

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
