import { notFound } from '@urbanbloom/service-kit/errors'
import type { ManagedProduct, NewProduct, ProductChange } from './catalog.ts'
import type { InventoryContext } from './context.ts'
import { insertProduct, updateProduct } from './product-store.ts'
import { forgetProductJob } from './repair-pages.ts'

type Context = Pick<InventoryContext, 'db' | 'jobs' | 'pages'>

/** Adds a product to the catalog; from the answer on, the lists show it. */
export async function createProduct(ctx: Context, product: NewProduct): Promise<ManagedProduct> {
  const created = await ctx.db.transaction(async (tx) => {
    const inserted = await insertProduct(tx, product)
    await forgetProductJob(tx, ctx.jobs, inserted.id)
    return inserted
  })
  await ctx.pages.forgetProduct(created.id)
  return created
}

/** Changes, withdraws or brings back a product; from the answer on, the pages show it. */
export async function changeProduct(
  ctx: Context,
  id: string,
  change: ProductChange,
): Promise<ManagedProduct> {
  const changed = await ctx.db.transaction(async (tx) => {
    const updated = await updateProduct(tx, id, change)
    if (updated === null) throw productNotFound(id)
    await forgetProductJob(tx, ctx.jobs, id)
    return updated
  })
  await ctx.pages.forgetProduct(id)
  return changed
}

export function productNotFound(id: string) {
  return notFound('product_not_found', `There is no product ${id}`)
}
