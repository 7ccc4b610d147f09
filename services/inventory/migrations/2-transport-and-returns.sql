-- What the plant needs in the van: {fragile, upright, frostSensitive, heatSensitive, maxVanMinutes}.
alter table products add column transport jsonb;

alter table reservations
  drop constraint reservations_status_check,
  -- returned: shipped, and the plants that came back are in stock again.
  add constraint reservations_status_check check (status in ('held', 'released', 'shipped', 'returned'));

alter table stock_movements
  drop constraint deltas_fit_the_kind,
  add constraint deltas_fit_the_kind check (case kind
    when 'received' then on_hand_delta > 0 and reserved_delta = 0
    when 'adjusted' then on_hand_delta <> 0 and reserved_delta = 0
    when 'reserved' then on_hand_delta = 0 and reserved_delta > 0
    when 'released' then on_hand_delta = 0 and reserved_delta < 0
    when 'shipped' then on_hand_delta = reserved_delta and reserved_delta < 0
    when 'returned' then on_hand_delta > 0 and reserved_delta = 0
    else false end);
