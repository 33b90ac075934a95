-- $1 id. Orders only name a product (a key share lock): they do not wait for this.
select id, vendor_id, status, version
from products
where id = $1::uuid
for no key update;
