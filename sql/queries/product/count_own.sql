-- $1 vendor, $2 status (null: all)
select count(*) as total
from products
where vendor_id = $1::uuid and ($2::text is null or status = $2);
