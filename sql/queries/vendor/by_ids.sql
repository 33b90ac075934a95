-- $1 ids. Active vendors among them.
select vendor_public.*
from vendor_public
where id = any($1::uuid[]) and status = 'ACTIVE';
