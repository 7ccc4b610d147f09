-- What customers are told. A row is written in the transaction that made it true, once for each order, kind and
-- attempt of delivery; an attempt is a stop. It holds facts only: who the customer is, `auth` says when it is sent.
create table messages (
  id uuid primary key,
  order_id uuid not null references deliveries (order_id),
  stop_id uuid not null references stops (id),
  kind text not null check (kind in ('on_the_way', 'next_stop', 'delivered', 'failed', 'delayed')),
  facts jsonb not null,
  status text not null default 'pending' check (status in ('pending', 'sent', 'skipped', 'dead')),
  tries integer not null default 0 check (tries >= 0),
  -- Until then one process is at work on it.
  lease_until timestamptz,
  -- Why it was skipped, or what the last try met.
  note text,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint messages_finished check ((status = 'pending') = (finished_at is null)),
  constraint messages_once unique (order_id, kind, stop_id)
);
create index messages_of_status on messages (status, id);
create index messages_finished_at on messages (finished_at) where finished_at is not null;

create table webhook_subscriptions (
  id uuid primary key,
  url text not null check (length(url) <= 2000),
  kinds text[] not null check (cardinality(kinds) between 1 and 5),
  -- Signs what is sent, so it is needed as it is.
  secret text not null,
  created_by uuid not null,
  created_at timestamptz not null default now(),
  disabled_at timestamptz,
  disabled_reason text
);

create table webhook_deliveries (
  id uuid primary key,
  subscription_id uuid not null references webhook_subscriptions (id) on delete cascade,
  message_id uuid not null references messages (id) on delete cascade,
  status text not null default 'pending' check (status in ('pending', 'delivered', 'dead')),
  tries integer not null default 0 check (tries >= 0),
  lease_until timestamptz,
  last_status integer,
  note text,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint webhook_deliveries_finished check ((status = 'pending') = (finished_at is null)),
  constraint webhook_deliveries_once unique (subscription_id, message_id)
);
create index webhook_deliveries_of_status on webhook_deliveries (status, id);
create index webhook_deliveries_message on webhook_deliveries (message_id);

-- Null: the customer made the link; else it was made for this message.
alter table tracking_links add column message_id uuid references messages (id) on delete set null;

-- How long stops really took in proportion to the plan, for each class of stops of a hub; filled every night from the
-- last weeks.
create table service_time_history (
  hub_id uuid not null references hubs (id),
  -- `*` all stops; `heavy` and `light` by weight; `place:<hash>` one building.
  class text not null,
  stops integer not null check (stops > 0),
  mean_ratio double precision not null check (mean_ratio > 0),
  variance double precision not null check (variance >= 0),
  computed_at timestamptz not null default now(),
  primary key (hub_id, class)
);

-- When a started route's expected arrivals were computed last.
alter table routes
  add column etas_at timestamptz;
create index routes_under_way on routes (etas_at nulls first) where status = 'started';

-- What Grafana may see of a day. No names; places to about a hundred meters.
create view map_vans as
select r.id as route_id, r.hub_id, h.name as hub, v.name as van, p.latitude, p.longitude, p.speed_mps,
       p.heading_degrees, p.recorded_at, r.started_at,
       count(s.id) filter (where s.status in ('pending', 'arrived')) as stops_open,
       count(s.id) filter (where s.status in ('delivered', 'failed')) as stops_done,
       count(s.id) filter (where s.status in ('pending', 'arrived') and s.eta > w.ends_at) as stops_late
from routes r
join driver_positions p on p.driver_id = r.driver_id and p.recorded_at >= r.started_at
join vehicles v on v.id = r.vehicle_id
join hubs h on h.id = r.hub_id
left join stops s on s.route_id = r.id and s.status <> 'removed'
left join deliveries d on d.order_id = s.order_id
left join delivery_windows w on w.id = d.window_id
where r.status = 'started'
group by r.id, h.id, v.id, p.driver_id;

create view map_stops as
select s.id as stop_id, s.route_id, r.hub_id, r.local_date, r.status as route_status, s.position, s.status,
       round((d.address->>'latitude')::numeric, 3)::float8 as latitude,
       round((d.address->>'longitude')::numeric, 3)::float8 as longitude,
       s.planned_arrival, s.eta, s.arrived_at, s.completed_at, w.starts_at as window_start, w.ends_at as window_end
from stops s
join routes r on r.id = s.route_id
join deliveries d on d.order_id = s.order_id
join delivery_windows w on w.id = d.window_id
where s.status <> 'removed' and r.status <> 'superseded';

create view map_hubs as
select id as hub_id, name as hub, latitude, longitude, service_radius_meters from hubs;
