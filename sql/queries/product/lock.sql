-- $1 id
select id, vendor_id, status, version, stock, reserved
from products
where id = $1::uuid
for update;
