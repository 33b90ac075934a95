-- $1 id, $2 order, $3 method, $4 amount, $5 currency, $6 is live
insert into payments (id, order_id, number, method, amount_minor, currency, is_live)
select $1::uuid, $2::uuid, coalesce(max(number), 0) + 1, $3, $4::bigint, $5, $6::boolean
from payments where order_id = $2::uuid
returning number;
