-- $1 ids. What answers show of the active vendors among them.
select vendor_public.id as "~id", vendor_public.*
from vendor_public
where vendor_public.id = any($1::uuid[]) and vendor_public.status = 'ACTIVE';
