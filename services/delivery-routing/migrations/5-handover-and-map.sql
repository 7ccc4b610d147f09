alter table deliveries
  -- What its plants cost, before fees and tax; 0 where order did not say. What is worth much is handed over for a code.
  add column value_cents bigint not null default 0 check (value_cents >= 0),
  -- What a driver did not hand over is at the hub again from then on.
  add column rest_returned_at timestamptz;

-- A van is under way when it was heard of since it left by our clock: its phone's clock may be wrong.
create or replace view map_vans as
select r.id as route_id, r.hub_id, h.name as hub, v.name as van, p.latitude, p.longitude, p.speed_mps,
       p.heading_degrees, p.recorded_at, r.started_at,
       count(s.id) filter (where s.status in ('pending', 'arrived')) as stops_open,
       count(s.id) filter (where s.status in ('delivered', 'failed')) as stops_done,
       count(s.id) filter (where s.status in ('pending', 'arrived') and s.eta > w.ends_at) as stops_late,
       p.received_at
from routes r
join driver_positions p on p.driver_id = r.driver_id and p.received_at >= r.started_at
join vehicles v on v.id = r.vehicle_id
join hubs h on h.id = r.hub_id
left join stops s on s.route_id = r.id and s.status <> 'removed'
left join deliveries d on d.order_id = s.order_id
left join delivery_windows w on w.id = d.window_id
where r.status = 'started'
group by r.id, h.id, v.id, p.driver_id;
