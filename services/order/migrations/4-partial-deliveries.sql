-- What was not handed over where the rest was, and deliveries that get no further try.
alter table orders
  -- {parcels, reason, items: [{productId, quantity}]}, as the driver said; null where all changed hands.
  add column undelivered jsonb,
  add column given_up_at timestamptz,
  add constraint what_is_missing_is_of_a_delivery check (undelivered is null or status = 'delivered'),
  add constraint what_is_given_up_has_failed check (given_up_at is null or status = 'delivery_failed');

alter table claims
  -- Who says that something is missing: the customer, or the driver who kept it.
  add column origin text not null default 'customer' check (origin in ('customer', 'driver')),
  drop constraint claims_status_check,
  -- redelivered: its replacement is there. withdrawn: the driver says now that all was handed over.
  add constraint claims_status_check check (status in
    ('open', 'resolving', 'refunded', 'redelivering', 'redelivered', 'rejected', 'withdrawn'));
create unique index claims_one_of_the_driver on claims (order_id) where origin = 'driver';

-- A replacement that was given up leaves room for another, like one that was rejected or cancelled.
drop index orders_one_replacement_of_a_claim;
create unique index orders_one_replacement_of_a_claim on orders (replaces_claim_id)
  where status not in ('rejected', 'cancelled') and given_up_at is null;

update claims c set status = 'redelivered', resolved_at = o.delivered_at
from orders o where o.replaces_claim_id = c.id and o.status = 'delivered' and c.status = 'redelivering';
