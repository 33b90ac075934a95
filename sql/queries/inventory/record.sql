-- $1 product, $2 kind, $3 delta, $4 stock after it, $5 actor
insert into inventory_movements (product_id, kind, delta, stock_after, actor_id)
values ($1::uuid, $2, $3::integer, $4::integer, $5::uuid);
