alter table stops
  -- The arrival that the customer was told last; what slips slowly is measured against it.
  add column told_eta timestamptz,
  -- When a break-down took the stop off its van; what its driver did before that still counts.
  add column unloaded_at timestamptz;

-- Who drove a route under way before somebody took it over, and until when.
create table route_take_overs (
  route_id uuid not null references routes (id),
  driver_id uuid not null references drivers (id),
  until timestamptz not null,
  primary key (route_id, driver_id, until)
);

-- Since when the customer wants the code; null: since whenever `requires_code` was set.
alter table handover_preferences add column requires_code_at timestamptz;

alter table driver_events
  -- For the list of what was refused; ascends in time.
  add column id uuid not null default gen_random_uuid(),
  drop constraint driver_events_client_event_id_check,
  -- The phone's own id after the id of its device, where it has one.
  add constraint driver_events_client_event_id_check check (length(client_event_id) between 1 and 201);
create index driver_events_refused on driver_events (id) where result->>'status' = 'rejected';
