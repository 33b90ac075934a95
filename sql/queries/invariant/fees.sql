-- $1 policy version, $2 after this vendor order, $3 how many. Stored fees with what the policy was
-- given.
select id, fee_minor, fee_input
from vendor_orders
where fee_policy_version = $1 and ($2::uuid is null or id > $2::uuid)
order by id limit $3::integer;
