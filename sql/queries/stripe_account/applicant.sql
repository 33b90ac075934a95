-- $1 vendor. What its account is opened with.
select vendors.id, vendors.status, vendors.country, users.email
from vendors inner join users on users.id = vendors.user_id
where vendors.id = $1::uuid;
