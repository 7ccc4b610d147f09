import type { Db } from '@urbanbloom/service-kit/db'
import type { Metrics } from '@urbanbloom/service-kit/metrics'
import { createSampled } from '@urbanbloom/service-kit/sampled'

/** An order's page promises a position at most this old; see the SLO in `docs/observability.md`. */
const FRESH_SECONDS = 60
/** A plan that is not there this long before the first shift begins makes vans leave late. */
const READY_BEFORE_MINUTES = 60
const EVERY_MS = 15_000

/** How the day goes: vans and how fresh their positions are, stops that will be late, days without their plan. */
export function measureDay(db: Db, metrics: Metrics): void {
  const vans = createSampled(
    () =>
      db.query<{ fresh: number; stale: number }>(
        `select count(*) filter (where p.recorded_at > now() - make_interval(secs => $1)) as fresh,
                count(*) filter (where p.recorded_at is null
                  or p.recorded_at <= now() - make_interval(secs => $1)) as stale
         from routes r left join driver_positions p on p.driver_id = r.driver_id
         where r.status = 'started'`,
        [FRESH_SECONDS],
      ),
    { everyMs: EVERY_MS },
  )
  metrics.sampled(
    'drivers_on_route',
    'Drivers on a route that has started, by the age of their last position',
    ['position'],
    vans,
    (gauge, [row]) => {
      gauge.set({ position: 'fresh' }, row?.fresh ?? 0)
      gauge.set({ position: 'stale' }, row?.stale ?? 0)
    },
  )

  const late = createSampled(
    () =>
      db.query<{ stops: number }>(
        `select count(*) as stops from stops s
         join routes r on r.id = s.route_id and r.status = 'started'
         join deliveries d on d.order_id = s.order_id
         join delivery_windows w on w.id = d.window_id
         where s.status in ('pending', 'arrived') and greatest(s.eta, now()) > w.ends_at`,
      ),
    { everyMs: EVERY_MS },
  )
  metrics.sampled('stops_late', 'Stops ahead that will miss their window', [], late, (gauge, [row]) =>
    gauge.set(row?.stops ?? 0),
  )

  const unready = createSampled(
    () =>
      db.query<{ days: number }>(
        `select count(distinct (s.hub_id, (lower(s.during) at time zone h.time_zone)::date)) as days
         from shifts s join hubs h on h.id = s.hub_id
         where lower(s.during) < now() + make_interval(mins => $1) and upper(s.during) > now()
           and exists (
             select 1 from deliveries d join delivery_windows w on w.id = d.window_id
             where w.hub_id = s.hub_id and d.status = 'confirmed' and w.starts_at > now()
               and (w.starts_at at time zone h.time_zone)::date = (lower(s.during) at time zone h.time_zone)::date)
           and not exists (
             select 1 from plans p where p.hub_id = s.hub_id and p.published_at is not null
               and p.local_date = (lower(s.during) at time zone h.time_zone)::date)`,
        [READY_BEFORE_MINUTES],
      ),
    { everyMs: EVERY_MS },
  )
  metrics.sampled(
    'delivery_days_without_plan',
    'Days of hubs with deliveries and no plan, whose first shift begins within the hour or has begun',
    [],
    unready,
    (gauge, [row]) => gauge.set(row?.days ?? 0),
  )
}
