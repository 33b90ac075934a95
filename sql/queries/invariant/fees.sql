-- $1 after this vendor order, $2 how many. Stored fees with what the policy was given.
select id, fee_minor, fee_input, fee_policy_version
from vendor_orders
where $1::uuid is null or id > $1::uuid
order by id limit $2::integer;
