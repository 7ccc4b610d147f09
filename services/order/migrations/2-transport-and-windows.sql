alter table orders
  -- What the plants need in the van, as the products said when the order was placed.
  add column transport jsonb not null default '{}',
  -- The newest change of the delivery that named a window; it may arrive after a newer one that names none.
  add column window_sequence integer not null default 0;
