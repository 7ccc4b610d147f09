import type { Db } from '@urbanbloom/service-kit/db'
import { deleteInBatches } from '@urbanbloom/service-kit/delete-batches'

/** Longer than any phone waits for a signal. One that comes even later is merged once more, which changes nothing. */
const KEPT_DAYS = 90

/** Forgets what drivers reported, once its stop has long been done; the outcome itself stays. */
export async function forgetOldReports(db: Db): Promise<void> {
  await deleteInBatches(
    db,
    `delete from driver_events where (driver_id, client_event_id) in (
       select driver_id, client_event_id from driver_events
       where received_at < now() - make_interval(days => $2) limit $1 for update skip locked)
     returning 1`,
    [KEPT_DAYS],
  )
}
