create table processed_events (
  id uuid primary key,
  processed_at timestamptz not null default now()
);
create index processed_events_processed_at on processed_events (processed_at);

create table hubs (
  id uuid primary key,
  name text not null check (length(name) between 1 and 120),
  latitude double precision not null check (latitude between -90 and 90),
  longitude double precision not null check (longitude between -180 and 180),
  service_radius_meters integer not null check (service_radius_meters between 100 and 200000),
  time_zone text not null,
  window_capacity integer not null default 1000 check (window_capacity between 0 and 100000),
  base_fee_cents bigint not null default 599 check (base_fee_cents between 0 and 100000),
  created_at timestamptz not null default now()
);

create table vehicles (
  id uuid primary key,
  hub_id uuid not null references hubs (id),
  name text not null check (length(name) between 1 and 120),
  capacity_weight_grams bigint not null check (capacity_weight_grams between 1 and 100000000),
  capacity_volume_milliliters bigint not null check (capacity_volume_milliliters between 1 and 100000000),
  skills text[] not null default '{}',
  created_at timestamptz not null default now(),
  -- Shifts refer to both, so that a vehicle drives for its own hub only.
  unique (id, hub_id)
);
create index vehicles_hub on vehicles (hub_id);

-- The id is the id of the account. A driver is pending until auth has made the account.
create table drivers (
  id uuid primary key,
  email citext not null unique,
  name text not null check (length(name) between 1 and 120),
  phone text,
  skills text[] not null default '{}',
  status text not null check (status in ('pending', 'active')),
  created_at timestamptz not null default now()
);

create table shifts (
  id uuid primary key,
  driver_id uuid not null references drivers (id),
  vehicle_id uuid not null,
  hub_id uuid not null references hubs (id),
  during tstzrange not null,
  -- [{earliest, latest, durationSeconds}]
  breaks jsonb not null default '[]',
  created_at timestamptz not null default now(),
  constraint shifts_vehicle_of_hub foreign key (vehicle_id, hub_id) references vehicles (id, hub_id),
  constraint shifts_bounded check (
    not isempty(during) and not lower_inf(during) and not upper_inf(during)
    and lower_inc(during) and not upper_inc(during)
  ),
  constraint shifts_driver_free exclude using gist (driver_id with =, during with &&),
  constraint shifts_vehicle_free exclude using gist (vehicle_id with =, during with &&)
);
create index shifts_hub_during on shifts using gist (hub_id, during);

create table delivery_windows (
  id uuid primary key,
  hub_id uuid not null references hubs (id),
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  capacity integer not null check (capacity >= 0),
  held integer not null default 0,
  fee_cents bigint not null check (fee_cents >= 0),
  constraint delivery_windows_held_fits check (held between 0 and capacity),
  constraint delivery_windows_forward check (ends_at > starts_at),
  unique (hub_id, starts_at)
);

-- One row for each order that ever asked for a delivery. A released row without a customer is a tombstone: the
-- order was given up before its hold arrived.
create table deliveries (
  order_id uuid primary key,
  status text not null check (status in
    ('held', 'confirmed', 'planned', 'loaded', 'arrived', 'delivered', 'failed', 'released')),
  -- How many events about it were published; order drops those that it has overtaken.
  sequence integer not null default 0 check (sequence >= 0),
  customer_id uuid,
  window_id uuid references delivery_windows (id),
  -- Whether the window counts this delivery; what makes giving the place back happen exactly once.
  holds_capacity boolean not null,
  number text,
  weight_grams bigint not null default 0 check (weight_grams >= 0),
  volume_milliliters bigint not null default 0 check (volume_milliliters >= 0),
  parcels integer not null default 1 check (parcels >= 0),
  address jsonb,
  expires_at timestamptz,
  delivered_at timestamptz,
  failure_reason text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint deliveries_known check (status = 'released' or (customer_id is not null and window_id is not null)),
  constraint deliveries_addressed check (status in ('held', 'released') or address is not null),
  constraint deliveries_hold_expires check ((status = 'held') = (expires_at is not null)),
  constraint deliveries_released_hold_nothing check (status <> 'released' or not holds_capacity)
);
create index deliveries_window on deliveries (window_id) where status in ('confirmed', 'planned');
create index deliveries_expiring on deliveries (expires_at) where status = 'held';

create table plans (
  id uuid primary key,
  hub_id uuid not null references hubs (id),
  local_date date not null,
  -- Given when the plan is stored; counts up for each hub and day.
  version integer,
  status text not null check (status in ('queued', 'running', 'done', 'failed')),
  requested_by uuid not null,
  error text,
  -- Which optimizer run may write; a run that lost its lease finds another number here.
  attempt integer not null default 0,
  lease_until timestamptz,
  travel_source text,
  -- [{orderId, reason}]
  unassigned jsonb not null default '[]',
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint plans_lease check ((status = 'running') = (lease_until is not null)),
  constraint plans_version check ((status = 'done') = (version is not null)),
  unique (hub_id, local_date, version)
);
create unique index plans_one_queued on plans (hub_id, local_date) where status = 'queued';
create unique index plans_one_running on plans (hub_id, local_date) where status = 'running';

create table routes (
  id uuid primary key,
  plan_id uuid not null references plans (id),
  hub_id uuid not null references hubs (id),
  local_date date not null,
  shift_id uuid not null references shifts (id),
  driver_id uuid not null references drivers (id),
  vehicle_id uuid not null references vehicles (id),
  status text not null check (status in ('planned', 'started', 'completed', 'superseded')),
  -- Counts every change that a driver could see; the ETag.
  version integer not null default 1,
  -- A person chose the driver; planning again keeps the choice.
  driver_pinned boolean not null default false,
  distance_meters integer not null check (distance_meters >= 0),
  duration_seconds integer not null check (duration_seconds >= 0),
  starts_at timestamptz not null,
  ends_at timestamptz not null,
  started_at timestamptz,
  completed_at timestamptz,
  updated_at timestamptz not null default now(),
  constraint routes_forward check (ends_at >= starts_at),
  constraint routes_started check (status in ('planned', 'superseded') or started_at is not null)
);
create unique index routes_one_planned_per_shift on routes (shift_id) where status = 'planned';
create unique index routes_one_started_per_driver on routes (driver_id) where status = 'started';
create index routes_day on routes (hub_id, local_date);
create index routes_plan on routes (plan_id);
create index routes_driver on routes (driver_id, starts_at) where status in ('planned', 'started');

-- A delivery keeps its stop through plans; a removed stop has no position.
create table stops (
  id uuid primary key,
  route_id uuid not null references routes (id),
  order_id uuid not null references deliveries (order_id),
  position integer check (position >= 1),
  status text not null check (status in ('pending', 'arrived', 'delivered', 'failed', 'removed')),
  -- 'route': stays on its route; 'place': keeps its place at the head of the route, too.
  pin text check (pin in ('route', 'place')),
  planned_arrival timestamptz not null,
  eta timestamptz not null,
  -- From the stop before, or from the hub.
  leg_seconds integer not null check (leg_seconds >= 0),
  leg_meters integer not null check (leg_meters >= 0),
  service_seconds integer not null check (service_seconds >= 0),
  arrived_at timestamptz,
  completed_at timestamptz,
  -- The first outcome: {proof} or {reason}.
  outcome jsonb,
  updated_at timestamptz not null default now(),
  constraint stops_place check ((status = 'removed') = (position is null)),
  constraint stops_outcome check ((status in ('delivered', 'failed')) = (completed_at is not null)),
  unique (route_id, position) deferrable initially deferred
);
create unique index stops_one_active_per_order on stops (order_id)
  where status in ('pending', 'arrived', 'delivered');

-- What drivers report, as it came; the state of the stops follows from it.
create table driver_events (
  driver_id uuid not null references drivers (id),
  client_event_id text not null check (length(client_event_id) between 1 and 100),
  stop_id uuid not null,
  type text not null check (type in ('arrive', 'deliver', 'fail')),
  occurred_at timestamptz not null,
  received_at timestamptz not null default now(),
  result jsonb not null,
  primary key (driver_id, client_event_id)
);

-- The last known place of each driver.
create table driver_positions (
  driver_id uuid primary key references drivers (id),
  recorded_at timestamptz not null,
  received_at timestamptz not null default now(),
  latitude double precision not null check (latitude between -90 and 90),
  longitude double precision not null check (longitude between -180 and 180),
  accuracy_meters double precision not null check (accuracy_meters >= 0),
  speed_mps double precision,
  heading_degrees double precision
);

create table tracking_links (
  id uuid primary key,
  order_id uuid not null references deliveries (order_id),
  token_sha256 bytea not null unique,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index tracking_links_order on tracking_links (order_id);

-- A stream is driver:<id> or order:<id>. Its row is locked while an event is written, so that numbers become
-- visible in their order and a reader who resumes after one misses nothing.
create table event_streams (
  stream text primary key,
  last_sequence bigint not null,
  updated_at timestamptz not null default now()
);

create table route_events (
  stream text not null references event_streams (stream) on delete cascade,
  sequence bigint not null,
  type text not null,
  data jsonb not null,
  created_at timestamptz not null default now(),
  primary key (stream, sequence)
);
create index route_events_created_at on route_events (created_at);
