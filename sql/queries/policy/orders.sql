-- $1 since, $2 until or null, $3 after this vendor order, $4 how many, $5 currency. Inputs that were
-- stored, in the order the orders were made.
select id, vendor_id, subtotal_minor, fee_minor, fee_input
from vendor_orders
where created_at >= $1::timestamptz
    and ($2::timestamptz is null or created_at < $2::timestamptz)
    and id > coalesce($3::uuid, '00000000-0000-0000-0000-000000000000') and currency = $5
order by id limit $4::integer;
