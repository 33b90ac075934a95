-- $1 order; an item each: $2 ids, $3 vendor orders, $4 vendors, $5 products, $6 names, $7 prices,
-- $8 quantities, $9 discounts
insert into order_items (
    id, order_id, vendor_order_id, vendor_id, product_id, name, unit_price_minor, quantity,
    discount_minor, line_total_minor
)
select
    i.id, $1::uuid, i.vendor_order_id, i.vendor_id, i.product_id, i.name, i.unit_price_minor,
    i.quantity, i.discount_minor, i.unit_price_minor * i.quantity - i.discount_minor
from unnest(
    $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::bigint[], $8::integer[],
    $9::bigint[]
) as i (
    id, vendor_order_id, vendor_id, product_id, name, unit_price_minor, quantity, discount_minor
);
