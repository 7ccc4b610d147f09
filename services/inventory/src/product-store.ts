import { type Db, violates } from '@urbanbloom/service-kit/db'
import { conflict } from '@urbanbloom/service-kit/errors'
import { newId } from '@urbanbloom/service-kit/ids'
import type { ManagedProduct, NewProduct, Product, ProductChange } from './catalog.ts'
import { type ProductRow, productColumns, toManagedProduct, toProduct } from './product.ts'

/** A product on sale, or null. */
export async function findProduct(db: Db, id: string): Promise<Product | null> {
  const [row] = await db.query<ProductRow>(
    `select ${productColumns} from products p join stock_levels s on s.product_id = p.id
     where p.id = $1 and p.withdrawn_at is null`,
    [id],
  )
  return row === undefined ? null : toProduct(row)
}

/** Products as checkout needs them, withdrawn ones included; ids that are unknown are absent. */
export async function lookUpProducts(db: Db, ids: readonly string[]) {
  const rows = await db.query<ProductRow>(
    `select ${productColumns} from products p join stock_levels s on s.product_id = p.id
     where p.id = any($1::uuid[])`,
    [ids],
  )
  return rows.map((row) => ({
    id: row.id,
    sku: row.sku,
    name: row.name,
    priceCents: row.price_cents,
    currency: row.currency,
    weightGrams: row.weight_grams,
    volumeMilliliters: row.volume_milliliters,
    withdrawn: row.withdrawn_at !== null,
    ...(row.transport === null ? {} : { transport: row.transport }),
  }))
}

/** Adds a product with its level and, where there is stock, the movement that brought it. */
export async function insertProduct(tx: Db, product: NewProduct): Promise<ManagedProduct> {
  const id = newId()
  try {
    await tx.query(insertSql, [
      id,
      product.sku,
      product.name,
      product.botanicalName,
      product.category,
      product.light,
      product.water,
      product.petSafe,
      product.adultHeightCentimeters ?? null,
      product.priceCents,
      product.currency,
      product.weightGrams,
      product.volumeMilliliters,
      product.careNotes ?? null,
      product.initialQuantity,
      product.transport === undefined ? null : JSON.stringify(product.transport),
    ])
  } catch (err) {
    if (violates(err, 'products_sku_key'))
      throw conflict('sku_taken', `There is already a product with the SKU ${product.sku}`, {
        extra: { sku: product.sku },
        cause: err,
      })
    throw err
  }
  return managed(await readRow(tx, id), id)
}

const insertSql = `
  with product as (
    insert into products (id, sku, name, botanical_name, category, light, water, pet_safe,
      adult_height_centimeters, price_cents, currency, weight_grams, volume_milliliters, care_notes, transport)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $16::jsonb)
    returning id
  ),
  level as (
    insert into stock_levels (product_id, on_hand) select id, $15::integer from product
    returning product_id, on_hand
  )
  insert into stock_movements (product_id, kind, on_hand_delta, reserved_delta, reference)
  select product_id, 'received', on_hand, 0, 'initial' from level where on_hand > 0`

const columnOf = {
  name: 'name',
  botanicalName: 'botanical_name',
  category: 'category',
  light: 'light',
  water: 'water',
  petSafe: 'pet_safe',
  adultHeightCentimeters: 'adult_height_centimeters',
  priceCents: 'price_cents',
  weightGrams: 'weight_grams',
  volumeMilliliters: 'volume_milliliters',
  careNotes: 'care_notes',
  transport: 'transport',
} as const satisfies Partial<Record<keyof ProductChange, string>>

/** Changes what `change` names and nothing else; null where there is no such product. */
export async function updateProduct(
  tx: Db,
  id: string,
  change: ProductChange,
): Promise<ManagedProduct | null> {
  const columns = Object.fromEntries(
    Object.entries(columnOf)
      .map(([field, column]) => [column, change[field as keyof typeof columnOf]] as const)
      .filter(([, value]) => value !== undefined),
  )
  const changed = await tx.query(updateSql, [id, JSON.stringify(columns), change.withdrawn ?? null])
  if (changed.length === 0) return null
  return managed(await readRow(tx, id), id)
}

/**
 * One statement for every combination of fields: `$2` holds the new values by column, null included. The rest
 * comes from the row itself, so that two changes at once both stay.
 */
const updateSql = `
  update products p set
    ${Object.values(columnOf)
      .map((column) => `${column} = (jsonb_populate_record(p, $2::jsonb)).${column}`)
      .join(', ')},
    withdrawn_at = case $3::boolean
      when true then coalesce(p.withdrawn_at, now()) when false then null else p.withdrawn_at end,
    updated_at = now()
  where p.id = $1
  returning p.id`

async function readRow(tx: Db, id: string): Promise<ProductRow | undefined> {
  const [row] = await tx.query<ProductRow>(
    `select ${productColumns} from products p join stock_levels s on s.product_id = p.id where p.id = $1`,
    [id],
  )
  return row
}

function managed(row: ProductRow | undefined, id: string): ManagedProduct {
  if (row === undefined) throw new Error(`The product ${id} has no row or no stock level`)
  return toManagedProduct(row)
}
