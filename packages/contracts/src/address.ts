import * as z from 'zod'

/** Where an order is delivered. */
export const Address = z
  .strictObject({
    recipient: z.string().trim().min(1).max(120),
    line1: z.string().trim().min(1).max(200),
    line2: z.string().trim().max(200).optional(),
    city: z.string().trim().min(1).max(100),
    region: z.string().trim().min(1).max(100),
    postalCode: z.string().trim().min(1).max(20),
    latitude: z.number().min(-90).max(90),
    longitude: z.number().min(-180).max(180),
    instructions: z.string().trim().max(500).optional(),
  })
  .meta({ id: 'Address' })

export type Address = z.infer<typeof Address>
