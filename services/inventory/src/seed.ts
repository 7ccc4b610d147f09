import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Db } from '@urbanbloom/service-kit/db'
import { newId } from '@urbanbloom/service-kit/ids'
import * as z from 'zod'
import { type NewProduct, Species } from './catalog.ts'

const catalogDirectory = path.resolve(import.meta.dirname, '../catalog')

/** The species of `catalog/*.json`, checked, in the order of the files. */
export async function readCatalog(): Promise<NewProduct[]> {
  const files = (await readdir(catalogDirectory)).filter((file) => file.endsWith('.json')).toSorted()
  const species = await Promise.all(
    files.map(async (file) => {
      const content: unknown = JSON.parse(await readFile(path.join(catalogDirectory, file), 'utf8'))
      const parsed = z.array(Species).safeParse(content)
      if (!parsed.success) throw new Error(`catalog/${file} is not valid: ${z.prettifyError(parsed.error)}`)
      return parsed.data
    }),
  )
  return species.flat()
}

/**
 * Puts the catalog into the database: each species whose SKU is not there yet, with its initial stock. What is
 * there is left as it is.
 * @returns how many products were added.
 */
export async function seedCatalog(db: Db): Promise<number> {
  const rows = (await readCatalog()).map((species) => ({ id: newId(), ...species }))
  const added = await db.query<{ count: number }>(insertMissing, [JSON.stringify(rows)])
  return added[0]?.count ?? 0
}

const insertMissing = `
  with species as (
    select * from jsonb_to_recordset($1::jsonb) as s (
      id uuid, sku text, name text, "botanicalName" text, category text, light text, water text,
      "petSafe" boolean, "adultHeightCentimeters" integer, "priceCents" bigint, currency text,
      "weightGrams" integer, "volumeMilliliters" integer, "careNotes" text, "initialQuantity" integer)
  ),
  added as (
    insert into products (id, sku, name, botanical_name, category, light, water, pet_safe,
      adult_height_centimeters, price_cents, currency, weight_grams, volume_milliliters, care_notes)
    select id, sku, name, "botanicalName", category, light, water, "petSafe", "adultHeightCentimeters",
      "priceCents", currency, "weightGrams", "volumeMilliliters", "careNotes"
    from species
    on conflict (sku) do nothing
    returning id
  ),
  levels as (
    insert into stock_levels (product_id, on_hand)
    select id, "initialQuantity" from species join added using (id)
    returning product_id, on_hand
  ),
  movements as (
    insert into stock_movements (product_id, kind, on_hand_delta, reserved_delta, reference)
    select product_id, 'received', on_hand, 0, 'initial' from levels where on_hand > 0
  )
  select count(*) as count from added`
