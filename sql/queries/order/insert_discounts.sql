-- $1 order; a discount of a vendor order each: $2 vendor orders, $3 positions, $4 plugins, $5 names,
-- $6 bearers, $7 amounts
insert into order_discounts (
    order_id, vendor_order_id, position, plugin, name, bearer, amount_minor
)
select $1::uuid, d.vendor_order_id, d.position, d.plugin, d.name, d.bearer, d.amount_minor
from unnest($2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::bigint[])
    as d (vendor_order_id, position, plugin, name, bearer, amount_minor);
