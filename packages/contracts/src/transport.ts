import * as z from 'zod'

/** What a plant, or an order of plants, needs in the van; absent members ask for nothing. */
export const Transport = z.strictObject({
  fragile: z.boolean().optional().describe('Handed over with more care, which takes longer'),
  upright: z.boolean().optional().describe('Only in a van with the skill `upright`'),
  frostSensitive: z.boolean().optional(),
  heatSensitive: z.boolean().optional(),
  maxVanMinutes: z
    .int()
    .min(10)
    .max(1_440)
    .optional()
    .describe('The longest time in a van, but for vans with the skill `climate_controlled`'),
})

export type Transport = z.infer<typeof Transport>
