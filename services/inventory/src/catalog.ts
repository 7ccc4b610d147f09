import { Transport } from '@urbanbloom/contracts/transport'
import * as z from 'zod'

/** The words of our own catalog. Ops may use others: a shop grows, and its clients filter by what they find. */
export const categories = [
  'foliage',
  'ferns',
  'palms',
  'succulents',
  'cacti',
  'flowering',
  'orchids',
  'air_plants',
  'carnivorous',
  'herbs',
  'edibles',
  'native_perennials',
  'trees_shrubs',
] as const
export const lights = ['low', 'medium', 'bright_indirect', 'partial_shade', 'full_sun'] as const
export const waters = ['low', 'medium', 'high'] as const

const MAX_QUANTITY = 1_000_000

const sku = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'must be 1 to 64 letters, digits, dots, hyphens and underscores',
  )

/** A word or two that customers filter by. */
export const descriptor = z
  .string()
  .trim()
  .regex(
    /^[\p{L}\p{N}][\p{L}\p{N} &_/-]{0,39}$/u,
    'must be 1 to 40 letters, digits, spaces, hyphens and underscores',
  )

const properties = {
  name: z.string().trim().min(1).max(120),
  botanicalName: z.string().trim().min(1).max(160),
  category: descriptor.describe(`Such as ${categories.join(', ')}`),
  light: descriptor.describe(`Such as ${lights.join(', ')}`),
  water: descriptor.describe(`Such as ${waters.join(', ')}`),
  petSafe: z.boolean().describe('Whether cats and dogs may chew it without being poisoned'),
  priceCents: z.int().min(1).max(10_000_000),
  weightGrams: z.int().min(1).max(500_000).describe('As shipped in its pot'),
  volumeMilliliters: z.int().min(1).max(5_000_000).describe('As shipped in its pot'),
}
const adultHeightCentimeters = z.int().min(1).max(10_000)
const careNotes = z.string().trim().min(1).max(2_000)
export const quantity = z.int().min(0).max(MAX_QUANTITY)

/** The product, wherever it appears. */
export const Product = z.object({
  id: z.uuid(),
  sku: z.string(),
  ...properties,
  currency: z.string(),
  adultHeightCentimeters: z.int().optional(),
  careNotes: z.string().optional(),
  transport: Transport.optional(),
  inStock: z.boolean(),
  availableQuantity: z.int(),
  updatedAt: z.iso.datetime(),
})
export type Product = z.infer<typeof Product>

/** The product as ops gets it back from a change. */
export const ManagedProduct = Product.extend({ withdrawn: z.boolean() })
export type ManagedProduct = z.infer<typeof ManagedProduct>

export const NewProduct = z.strictObject({
  sku,
  ...properties,
  currency: z.literal('USD').default('USD'),
  adultHeightCentimeters: adultHeightCentimeters.optional(),
  careNotes: careNotes.optional(),
  transport: Transport.optional(),
  initialQuantity: quantity.default(0),
})
export type NewProduct = z.infer<typeof NewProduct>

/** A species of the catalog files: a product with everything said. */
export const Species = NewProduct.extend({
  category: z.enum(categories),
  light: z.enum(lights),
  water: z.enum(waters),
  adultHeightCentimeters,
  careNotes,
  initialQuantity: quantity,
})

/** The SKU is how warehouses and labels know a plant, so it never changes. */
export const ProductChange = z
  .strictObject({
    ...z.object(properties).partial().shape,
    adultHeightCentimeters: adultHeightCentimeters.nullable().optional(),
    careNotes: careNotes.nullable().optional(),
    transport: Transport.nullable().optional(),
    withdrawn: z.boolean().optional().describe('A withdrawn product is no longer shown or sold'),
  })
  .refine((change) => Object.values(change).some((value) => value !== undefined), 'names nothing to change')
export type ProductChange = z.infer<typeof ProductChange>
