-- An order that replaces what was damaged or missing: it costs nothing, has no payment, and takes the same way.
alter table orders
  add column replaces_claim_id uuid references claims,
  drop constraint orders_subtotal_cents_check,
  add constraint a_bought_order_has_a_price check (
    case when replaces_claim_id is null then subtotal_cents > 0 else total_cents = 0 end),
  drop constraint a_confirmed_order_has_a_payment,
  add constraint a_confirmed_order_is_paid_or_replaces check (
    status not in ('confirmed', 'scheduled', 'out_for_delivery', 'delivered')
    or payment_id is not null or replaces_claim_id is not null),
  add constraint a_replacement_is_not_paid check (
    replaces_claim_id is null or (payment_id is null and not payment_tried));

-- A claim is made good by one order; one that came to nothing leaves room for another.
create unique index orders_one_replacement_of_a_claim on orders (replaces_claim_id)
  where status not in ('rejected', 'cancelled');

alter table order_lines
  drop constraint order_lines_unit_price_cents_check,
  add constraint order_lines_unit_price_cents_check check (unit_price_cents >= 0);

-- Pictures that customers add to a claim. The row comes first, so that a file whose upload broke off is found.
create table claim_photos (
  id uuid primary key,
  claim_id uuid not null references claims,
  content_type text not null check (content_type in ('image/jpeg', 'image/png', 'image/webp')),
  size_bytes integer not null check (size_bytes > 0),
  sha256 bytea not null check (length(sha256) = 32),
  object_key text not null unique,
  created_at timestamptz not null default now(),
  stored_at timestamptz,
  -- The same picture sent again is the same photo.
  unique (claim_id, sha256)
);
create index claim_photos_created_at on claim_photos (created_at);
