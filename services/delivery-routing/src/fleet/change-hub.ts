import { notFound } from '@urbanbloom/service-kit/errors'
import type { Context } from '../context.ts'
import { forgetCachedWindows } from '../windows/window-cache.ts'
import { applyHubRules } from '../windows/window-store.ts'
import type { Hub, HubChange } from './hub.ts'
import { updateHub } from './hub-store.ts'

/** Changes the rules of a hub, and of its windows that are still to come. */
export async function changeHub(ctx: Context, id: string, change: HubChange): Promise<Hub> {
  const hub = await ctx.db.transaction(async (tx) => {
    const changed = await updateHub(tx, id, change)
    if (changed === null) throw notFound('hub_not_found', `There is no hub ${id}`)
    await applyHubRules(tx, changed)
    return changed
  })
  forgetCachedWindows(ctx, [id])
  return hub
}
