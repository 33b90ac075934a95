-- $1 since, $2 limit, $3 currency
select least(count(*), $2::bigint) as total
from vendor_orders where created_at >= $1::timestamptz and currency = $3;
