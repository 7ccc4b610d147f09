-- What dashboards may see of the stock: plants on sale, and how many of each are left.
create view shelves as
select p.sku, p.name, l.on_hand, l.reserved, l.on_hand - l.reserved as available, l.changed_at
from products p
join stock_levels l on l.product_id = p.id
where p.withdrawn_at is null;
