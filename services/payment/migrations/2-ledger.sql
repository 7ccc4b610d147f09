-- Double entry, append-only. Positive cents are debits, negative ones credits.
create table ledger_transactions (
  id uuid primary key,
  payment_id uuid not null references payments (id),
  kind text not null constraint ledger_transactions_kind check (kind in ('capture', 'refund')),
  -- What was booked: the provider's intent for a capture, our refund's id for a refund.
  reference text not null,
  booked_at timestamptz not null default now(),
  constraint ledger_transactions_booked_once unique (payment_id, kind, reference)
);

create unique index ledger_transactions_one_capture on ledger_transactions (payment_id) where kind = 'capture';
create index ledger_transactions_booked on ledger_transactions (booked_at);

create table ledger_entries (
  transaction_id uuid not null references ledger_transactions (id),
  account text not null constraint ledger_entries_account check (account in
    ('provider_receivable', 'goods_revenue', 'delivery_revenue', 'tax_payable')),
  amount_cents bigint not null constraint ledger_entries_amount check (amount_cents <> 0),
  primary key (transaction_id, account)
);

create function refuse_unbalanced_ledger() returns trigger language plpgsql set search_path from current as $$
declare
  checked uuid := (to_jsonb(new) ->> (case tg_table_name when 'ledger_entries' then 'transaction_id' else 'id' end))::uuid;
  entries bigint;
  total numeric;
begin
  select count(*), coalesce(sum(amount_cents), 0) into entries, total
  from ledger_entries where transaction_id = checked;
  if entries < 2 or total <> 0 then
    raise exception 'ledger transaction % has % entries that sum to %', checked, entries, total
      using errcode = 'check_violation', constraint = 'ledger_balanced';
  end if;
  return null;
end $$;

-- Checked at commit, when all entries of a transaction are there.
create constraint trigger ledger_balanced after insert on ledger_transactions
  deferrable initially deferred for each row execute function refuse_unbalanced_ledger();
create constraint trigger ledger_balanced after insert or update on ledger_entries
  deferrable initially deferred for each row execute function refuse_unbalanced_ledger();
