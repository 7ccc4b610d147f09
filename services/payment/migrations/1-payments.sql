-- One row for each order. A row with nothing but its order and the status `voided` is a tombstone: the order
-- was given up before its authorization arrived, and the unique order_id refuses that authorization.
create table payments (
  id uuid primary key,
  order_id uuid not null constraint payments_one_for_each_order unique,
  customer_id uuid,
  status text not null,
  amount_cents bigint,
  captured_cents bigint not null default 0,
  refunded_cents bigint not null default 0,
  -- Refunds asked for and not yet confirmed. They count as spent, so that refunds side by side cannot exceed
  -- the capture.
  refund_pending_cents bigint not null default 0,
  currency text not null default 'USD',
  goods_cents bigint,
  delivery_cents bigint,
  tax_cents bigint,
  provider text,
  provider_intent_id text constraint payments_one_for_each_intent unique,
  -- The provider's single-use reference to the card, kept only until the provider has answered.
  provider_token text,
  next_action jsonb,
  decline_code text,
  capture_requested_at timestamptz,
  void_requested_at timestamptz,
  -- When the settling job looks at the payment next; null when nothing is open.
  due_at timestamptz,
  settle_tries integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),

  constraint payments_status check (status in ('processing', 'requires_action', 'authorized', 'declined',
    'captured', 'partially_refunded', 'refunded', 'voided')),
  constraint payments_tombstone check (status = 'voided'
    or (customer_id is not null and amount_cents is not null and provider is not null)),
  constraint payments_amount check (amount_cents > 0),
  constraint payments_currency check (currency ~ '^[A-Z]{3}$'),
  constraint payments_split check (goods_cents >= 0 and delivery_cents >= 0 and tax_cents >= 0
    and goods_cents + delivery_cents + tax_cents = amount_cents),
  constraint payments_captured check (captured_cents >= 0 and captured_cents <= coalesce(amount_cents, 0)),
  constraint payments_refunded check (refunded_cents >= 0 and refund_pending_cents >= 0
    and refunded_cents + refund_pending_cents <= captured_cents),
  constraint payments_captured_status check (
    (captured_cents > 0) = (status in ('captured', 'partially_refunded', 'refunded'))),
  constraint payments_refunded_status check (case status
    when 'partially_refunded' then refunded_cents > 0 and refunded_cents < captured_cents
    when 'refunded' then refunded_cents = captured_cents
    else refunded_cents = 0 end),
  constraint payments_token_kept_briefly check (provider_token is null or status = 'processing')
);

create index payments_due on payments (due_at) where due_at is not null;
create index payments_created on payments (created_at, id);

-- A payment only moves forward, so that answers and webhooks may arrive in any order.
create function refuse_backward_payment() returns trigger language plpgsql set search_path from current as $$
begin
  if old.status <> new.status and not (case old.status
    when 'processing' then new.status in ('requires_action', 'authorized', 'declined', 'captured', 'voided')
    when 'requires_action' then new.status in ('authorized', 'declined', 'captured', 'voided')
    when 'authorized' then new.status in ('captured', 'voided')
    when 'captured' then new.status in ('partially_refunded', 'refunded')
    when 'partially_refunded' then new.status = 'refunded'
    else false end) then
    raise exception 'payment % cannot go from % to %', old.id, old.status, new.status
      using errcode = 'check_violation', constraint = 'payments_move_forward';
  end if;
  return new;
end $$;

create trigger payments_move_forward before update of status on payments
  for each row execute function refuse_backward_payment();

create table refunds (
  id uuid primary key,
  payment_id uuid not null references payments (id),
  amount_cents bigint not null constraint refunds_amount check (amount_cents > 0),
  reason text not null,
  idempotency_key text not null,
  request_fingerprint text not null,
  status text not null constraint refunds_status check (status in ('pending', 'succeeded', 'failed')),
  provider_refund_id text constraint refunds_one_for_each_provider_refund unique,
  failure_code text,
  -- The member of ops who asked; null for refunds that our own services asked for.
  requested_by uuid,
  due_at timestamptz,
  settle_tries integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint refunds_one_for_each_key unique (payment_id, idempotency_key)
);

create index refunds_due on refunds (due_at) where due_at is not null;

-- The provider's events that were applied, or recorded because nobody here is concerned.
create table provider_events (
  provider text not null,
  id text not null,
  type text not null,
  payment_id uuid,
  received_at timestamptz not null default now(),
  primary key (provider, id)
);

create index provider_events_received on provider_events (received_at);
