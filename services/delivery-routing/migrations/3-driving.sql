-- Stops: whose report decided, for reports that come in any order, and how near the van has come.
alter table stops
  -- The driver's own time and the id of the report that decided; the earliest of those with the same outcome.
  add column outcome_occurred_at timestamptz,
  add column outcome_event_id text,
  add column approached_at timestamptz,
  add column reached_at timestamptz,
  add constraint stops_outcome_key check ((outcome_occurred_at is null) = (outcome_event_id is null));

alter table driver_events
  -- What was said beyond the type: the proof, the reason.
  add column payload jsonb not null default '{}',
  add column device_id text check (length(device_id) between 1 and 100),
  -- What has to be added to the phone's clock to get ours; null where nothing told.
  add column clock_skew_ms bigint;
create index driver_events_stop on driver_events (stop_id);
create index driver_events_received_at on driver_events (received_at);

-- Photos and signatures. The row comes first, so that a file whose upload broke off is found and removed.
create table proof_files (
  id uuid primary key,
  stop_id uuid not null references stops (id),
  order_id uuid not null references deliveries (order_id),
  driver_id uuid not null references drivers (id),
  content_type text not null check (content_type in ('image/jpeg', 'image/png', 'image/webp')),
  size_bytes integer not null check (size_bytes > 0),
  sha256 bytea not null check (length(sha256) = 32),
  object_key text not null unique,
  created_at timestamptz not null default now(),
  stored_at timestamptz,
  -- The same picture sent again is the same file.
  unique (stop_id, sha256)
);
create index proof_files_order on proof_files (order_id);
create index proof_files_created_at on proof_files (created_at);

-- What the customer shows the driver. It is kept readable, because the customer reads it again and again, and a hash
-- of six digits hides nothing; guessing is bounded by the number of different wrong codes.
create table delivery_codes (
  order_id uuid primary key references deliveries (order_id),
  code text not null check (code ~ '^\d{6}$'),
  wrong_codes text[] not null default '{}' check (cardinality(wrong_codes) <= 5),
  created_at timestamptz not null default now()
);

-- How the customer wants it handed over. Both moments are kept: what was allowed when the driver did it stays allowed.
create table handover_preferences (
  order_id uuid primary key references deliveries (order_id),
  door_allowed_at timestamptz,
  door_revoked_at timestamptz,
  requires_code boolean not null default false,
  updated_at timestamptz not null default now(),
  constraint handover_preferences_order check (door_revoked_at >= door_allowed_at)
);

-- The thinned tracks of vans, a partition for each day of UTC.
create table position_tracks (
  driver_id uuid not null,
  recorded_at timestamptz not null,
  received_at timestamptz not null default now(),
  latitude double precision not null check (latitude between -90 and 90),
  longitude double precision not null check (longitude between -180 and 180),
  accuracy_meters real not null check (accuracy_meters >= 0),
  speed_mps real,
  heading_degrees real,
  primary key (driver_id, recorded_at)
) partition by range (recorded_at);

-- The service may not create or drop tables, so this function does it with the rights of its owner, and does nothing
-- else: it makes the days from two before today to `days_ahead` after it, and drops those older than `days_kept`.
-- Both are clamped, so that no caller can drop what is recent or make tables without end.
create function keep_position_tracks(days_kept integer, days_ahead integer, out made integer, out dropped integer)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  kept constant integer := greatest(7, least(400, days_kept));
  ahead constant integer := greatest(2, least(30, days_ahead));
  today constant date := (now() at time zone 'utc')::date;
  day date;
  part text;
begin
  made := 0;
  dropped := 0;
  -- Replicas take turns; nobody waits long for a table that is in use.
  perform pg_advisory_xact_lock(7214935082);
  set local lock_timeout = '2s';
  for day in select today + n from generate_series(-2, ahead) n loop
    part := 'position_tracks_' || to_char(day, 'YYYYMMDD');
    continue when to_regclass('delivery.' || part) is not null;
    execute format('create table delivery.%I (like delivery.position_tracks including defaults including constraints)',
      part);
    execute format('alter table delivery.position_tracks attach partition delivery.%I for values from (%L) to (%L)',
      part, day::timestamp at time zone 'utc', (day + 1)::timestamp at time zone 'utc');
    made := made + 1;
  end loop;
  for part in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'delivery.position_tracks'::regclass and c.relname ~ '^position_tracks_\d{8}$'
      and to_date(right(c.relname, 8), 'YYYYMMDD') < today - kept
  loop
    execute format('drop table delivery.%I', part);
    dropped := dropped + 1;
  end loop;
end $$;
revoke all on function keep_position_tracks(integer, integer) from public;
select keep_position_tracks(400, 14);
