-- $1 how many, $2 currency. The newest, whatever their state.
select id, vendor_id, subtotal_minor, fee_minor, fee_input
from vendor_orders where currency = $2 order by id desc limit $1::integer;
