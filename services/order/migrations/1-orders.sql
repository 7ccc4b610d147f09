create sequence order_numbers start 100001;

create table orders (
  id uuid primary key,
  number text not null unique default 'UB-' || nextval('order_numbers'),
  customer_id uuid not null,
  status text not null check (status in (
    'pending', 'payment_action_required', 'confirmed', 'scheduled', 'out_for_delivery', 'delivered',
    'rejected', 'cancelled', 'delivery_failed')),

  -- The saga: what is left to do, until when somebody is at work on it, and how often it was taken over.
  saga_step text check (saga_step in ('placing', 'awaiting_payment', 'cancelling', 'unwinding')),
  lease_until timestamptz,
  takeovers integer not null default 0,
  action_deadline timestamptz,
  -- Whether an authorization may exist at the payment service, so that unwinding has to void it.
  payment_tried boolean not null default true,
  -- The newest change of the delivery that was applied.
  delivery_sequence integer not null default 0,

  currency text not null check (currency = 'USD'),
  subtotal_cents bigint not null check (subtotal_cents > 0),
  delivery_fee_cents bigint not null check (delivery_fee_cents >= 0),
  tax_cents bigint not null check (tax_cents >= 0),
  total_cents bigint not null,

  window_id uuid not null,
  window_start timestamptz not null,
  window_end timestamptz not null,
  weight_grams integer not null check (weight_grams >= 0),
  volume_milliliters integer not null check (volume_milliliters >= 0),
  address jsonb not null,
  gift_message text,

  payment_id uuid,
  payment_status text,
  next_action jsonb,
  rejection jsonb,

  placed_at timestamptz not null default now(),
  confirmed_at timestamptz,
  cancelled_at timestamptz,
  delivered_at timestamptz,

  constraint total_is_the_sum check (total_cents = subtotal_cents + delivery_fee_cents + tax_cents),
  constraint window_ends_after_it_starts check (window_end > window_start),
  constraint a_step_has_a_lease check ((saga_step is null) = (lease_until is null)),
  constraint a_rejection_has_a_reason check ((status = 'rejected') = (rejection is not null)),
  constraint open_orders_are_in_the_saga check (
    status not in ('pending', 'payment_action_required') or saga_step in ('placing', 'awaiting_payment')),
  constraint a_confirmed_order_has_a_payment check (
    status not in ('confirmed', 'scheduled', 'out_for_delivery', 'delivered') or payment_id is not null)
);

create index orders_of_a_customer on orders (customer_id, id desc);
create index orders_to_drive on orders (lease_until) where saga_step is not null;

create table order_lines (
  order_id uuid not null references orders,
  position integer not null check (position > 0),
  product_id uuid not null,
  sku text not null,
  name text not null,
  quantity integer not null check (quantity > 0),
  unit_price_cents bigint not null check (unit_price_cents > 0),
  total_cents bigint not null,
  primary key (order_id, position),
  unique (order_id, product_id),
  constraint line_total_is_the_product check (total_cents = quantity * unit_price_cents)
);

-- One row for each key of a customer. A row without an answer is a checkout under way.
create table idempotency_keys (
  customer_id uuid not null,
  key text not null,
  fingerprint text not null,
  order_id uuid not null unique references orders,
  answer_status integer,
  -- json keeps the text as it was sent, so that a replay is equal to the letter.
  answer_body json,
  created_at timestamptz not null default now(),
  primary key (customer_id, key),
  constraint an_answer_is_whole check ((answer_status is null) = (answer_body is null))
);

create index idempotency_keys_by_age on idempotency_keys (created_at);

create table claims (
  id uuid primary key,
  order_id uuid not null references orders,
  customer_id uuid not null,
  reason text not null,
  items jsonb not null,
  photos jsonb not null,
  status text not null check (status in ('open', 'resolving', 'refunded', 'redelivering', 'rejected')),
  amount_cents bigint check (amount_cents > 0),
  -- Counts the refunds that were tried, because one that was refused may be tried again.
  refund_attempt integer not null default 0,
  resolved_by uuid,
  created_at timestamptz not null default now(),
  resolved_at timestamptz
);

create index claims_of_an_order on claims (order_id);

create table processed_events (
  id uuid primary key,
  processed_at timestamptz not null default now()
);

create index processed_events_by_age on processed_events (processed_at);
