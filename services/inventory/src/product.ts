import type { Transport } from '@urbanbloom/contracts/transport'
import type { ManagedProduct, Product } from './catalog.ts'

export type ProductRow = {
  id: string
  sku: string
  name: string
  botanical_name: string
  category: Product['category']
  light: Product['light']
  water: Product['water']
  pet_safe: boolean
  adult_height_centimeters: number | null
  price_cents: number
  currency: string
  weight_grams: number
  volume_milliliters: number
  care_notes: string | null
  transport: Transport | null
  withdrawn_at: Date | null
  updated_at: Date
  available: number
}

/** The columns of a `ProductRow`, from `products p join stock_levels s`. */
export const productColumns = `
  p.id, p.sku, p.name, p.botanical_name, p.category, p.light, p.water, p.pet_safe, p.adult_height_centimeters,
  p.price_cents, p.currency, p.weight_grams, p.volume_milliliters, p.care_notes, p.transport, p.withdrawn_at, p.updated_at,
  s.on_hand - s.reserved as available`

export function toProduct(row: ProductRow): Product {
  return {
    id: row.id,
    sku: row.sku,
    name: row.name,
    botanicalName: row.botanical_name,
    category: row.category,
    light: row.light,
    water: row.water,
    petSafe: row.pet_safe,
    adultHeightCentimeters: row.adult_height_centimeters ?? undefined,
    priceCents: row.price_cents,
    currency: row.currency,
    weightGrams: row.weight_grams,
    volumeMilliliters: row.volume_milliliters,
    careNotes: row.care_notes ?? undefined,
    transport: row.transport ?? undefined,
    inStock: row.available > 0,
    availableQuantity: row.available,
    updatedAt: row.updated_at.toISOString(),
  }
}

export function toManagedProduct(row: ProductRow): ManagedProduct {
  return { ...toProduct(row), withdrawn: row.withdrawn_at !== null }
}
