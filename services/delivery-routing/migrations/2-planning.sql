-- Plans: drafts that nobody but ops sees, repairs of a day under way, and what each version said.
alter table plans
  -- Null: nobody asked; the day itself did.
  alter column requested_by drop not null,
  -- `day` plans all that is not under way and prefers what was announced, `fresh` does not care for that, and
  -- `repair` changes only what is near a late order.
  add column scope text not null default 'day' check (scope in ('day', 'repair', 'fresh')),
  add column cause text,
  add column is_draft boolean not null default false,
  add column published_at timestamptz,
  -- What the optimizer answered; a draft is published from it.
  add column proposal jsonb,
  -- The routes of the day as this version left them: its history.
  add column snapshot jsonb,
  -- A digest of what people and drivers had settled when the plan was made.
  add column commitments text,
  add column figures jsonb,
  add constraint plans_published check (published_at is null or (status = 'done' and not is_draft));
update plans set published_at = finished_at where status = 'done';
create index plans_of_day on plans (hub_id, local_date, id desc);
create index plans_with_history on plans (created_at) where snapshot is not null or proposal is not null;

alter table hubs
  add column cut_off_minutes integer check (cut_off_minutes between 0 and 10080),
  -- [{startHour, minutes}]: other cut-offs than the hub's, by the hour at which the window starts.
  add column window_cut_offs jsonb not null default '[]',
  -- How many vans can be loaded in one slot; null: any number.
  add column loading_vans_per_slot integer check (loading_vans_per_slot between 1 and 1000),
  add column loading_slot_minutes integer not null default 15 check (loading_slot_minutes between 5 and 120),
  add column capacity_check text not null default 'plan' check (capacity_check in ('counter', 'plan', 'fleet'));

-- Null: the configured time before its start, as for windows made before this column.
alter table delivery_windows add column cut_off_at timestamptz;

alter table shifts
  -- The van or the driver is out of service from then on.
  add column out_of_service_at timestamptz,
  add column out_of_service_reason text;

alter table deliveries
  drop constraint deliveries_status_check,
  -- returning: given up, the parcels are on their way to the hub; returned: they are there.
  add constraint deliveries_status_check check (status in
    ('held', 'confirmed', 'planned', 'loaded', 'arrived', 'delivered', 'failed', 'returning', 'returned', 'released')),
  -- {fragile, upright, frostSensitive, heatSensitive, maxVanMinutes}
  add column transport jsonb not null default '{}',
  -- A dispatcher holds it back from planning.
  add column held_back_reason text,
  -- The parcels are at the hub again from then on; null: they have not left it.
  add column ready_at timestamptz,
  -- The stock has left the shop once, so that the order can no longer be cancelled.
  add column has_left boolean not null default false;
create index deliveries_failed on deliveries (updated_at) where status = 'failed';

alter table routes
  -- [{startsAt, endsAt, afterStops}]
  add column breaks jsonb not null default '[]',
  -- The van or the driver broke down on this route.
  add column broken_down_at timestamptz;

alter table stops
  -- The driver's break before this stop, on top of the leg.
  add column break_seconds integer not null default 0 check (break_seconds >= 0);

-- What dispatchers and the default rule decided about deliveries that failed, and what came of the parcels.
create table failure_decisions (
  id uuid primary key,
  order_id uuid not null references deliveries (order_id),
  action text not null check (action in ('retry_today', 'retry_window', 'return')),
  decided_by uuid,
  reason text not null,
  window_id uuid references delivery_windows (id),
  decided_at timestamptz not null default now()
);
create index failure_decisions_order on failure_decisions (order_id);
