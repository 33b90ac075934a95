-- $1 vendor
select
    count(*) filter (where status = 'CONFIRMED') as confirmed,
    count(*) filter (where status = 'PROCESSING') as processing,
    count(*) filter (where status = 'SHIPPED') as shipped
from vendor_orders where vendor_id = $1::uuid and status in ('CONFIRMED', 'PROCESSING', 'SHIPPED');
