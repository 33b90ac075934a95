-- $1 user
select
    users.id,
    users.email,
    users.name,
    users.role,
    users.created_at as "createdAt",
    vendors.id as "vendorId",
    buyers.id as "buyerId"
from users
left join buyers on buyers.user_id = users.id
left join vendors on vendors.user_id = users.id
where users.id = $1::uuid;
