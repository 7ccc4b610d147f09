create table products (
  id uuid primary key,
  sku text not null unique check (sku ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
  name text not null check (name <> ''),
  botanical_name text not null check (botanical_name <> ''),
  category text not null check (length(category) between 1 and 40),
  light text not null check (length(light) between 1 and 40),
  water text not null check (length(water) between 1 and 40),
  -- Whether cats and dogs may chew it without being poisoned.
  pet_safe boolean not null,
  adult_height_centimeters integer check (adult_height_centimeters > 0),
  price_cents bigint not null check (price_cents > 0),
  currency text not null default 'USD' check (currency = 'USD'),
  -- As shipped in its pot.
  weight_grams integer not null check (weight_grams > 0),
  volume_milliliters integer not null check (volume_milliliters > 0),
  care_notes text,
  withdrawn_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  search_text text not null generated always as (lower(name || ' ' || botanical_name || ' ' || sku)) stored
);

create index products_by_name on products (name, id) where withdrawn_at is null;
create index products_by_price on products (price_cents, id) where withdrawn_at is null;
create index products_by_trigram on products using gin (search_text gin_trgm_ops);

-- The setting in the function below belongs to pg_trgm, which is loaded at its first use.
select word_similarity('', '');

-- The products that match every word, spelt right (as a part of a word) or nearly right: 0.5 finds "monstra".
create function products_matching(words text[]) returns table (product_id uuid)
language sql stable
set pg_trgm.word_similarity_threshold = 0.5
as $$
  select p.id
  from unnest(words) as w (word)
  join products p on p.search_text like '%' || w.word || '%' or w.word <% p.search_text
  group by p.id
  having count(*) = cardinality(words)
$$;

-- Every checkout updates these rows, so pages keep room for the next version and no index covers a figure.
create table stock_levels (
  product_id uuid primary key references products,
  on_hand integer not null check (on_hand >= 0),
  reserved integer not null default 0 check (reserved >= 0),
  changed_at timestamptz not null default now(),
  constraint reserved_stock_is_on_hand check (on_hand >= reserved)
) with (fillfactor = 50);

-- A row that is `released` and has no lines is a tombstone: the release came before the reservation.
create table reservations (
  order_id uuid primary key,
  status text not null check (status in ('held', 'released', 'shipped')),
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  changed_at timestamptz not null default now(),
  constraint only_a_held_reservation_expires check ((status = 'held') = (expires_at is not null))
);

create index reservations_to_sweep on reservations (expires_at) where status = 'held';

create table reservation_lines (
  order_id uuid not null references reservations,
  product_id uuid not null references products,
  quantity integer not null check (quantity > 0),
  primary key (order_id, product_id)
);

-- Append-only. For each product the sums of both deltas are its level.
create table stock_movements (
  id bigint generated always as identity primary key,
  product_id uuid not null references products,
  kind text not null,
  on_hand_delta integer not null,
  reserved_delta integer not null,
  -- The order, the adjustment, or 'initial'.
  reference text not null,
  at timestamptz not null default now(),
  constraint deltas_fit_the_kind check (case kind
    when 'received' then on_hand_delta > 0 and reserved_delta = 0
    when 'adjusted' then on_hand_delta <> 0 and reserved_delta = 0
    when 'reserved' then on_hand_delta = 0 and reserved_delta > 0
    when 'released' then on_hand_delta = 0 and reserved_delta < 0
    when 'shipped' then on_hand_delta = reserved_delta and reserved_delta < 0
    else false end)
);

create index stock_movements_of_a_product on stock_movements (product_id, id);

-- What ops changed by hand, with the level that it led to, so that a repeated request gets the first answer.
create table stock_adjustments (
  id uuid primary key,
  product_id uuid not null references products,
  actor_id uuid not null,
  idempotency_key text,
  fingerprint text not null,
  delta integer not null check (delta <> 0),
  reason text not null,
  on_hand_after integer,
  reserved_after integer,
  created_at timestamptz not null default now(),
  constraint one_adjustment_for_each_key unique (actor_id, idempotency_key)
);

create table processed_events (
  id uuid primary key,
  processed_at timestamptz not null default now()
);

create index processed_events_by_age on processed_events (processed_at);
