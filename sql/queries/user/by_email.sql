-- $1 email
select
    users.id, users.email, users.password_hash, users.name, users.role, users.status,
    users.created_at,
    buyers.id as buyer_id, vendors.id as vendor_id
from users
left join buyers on buyers.user_id = users.id
left join vendors on vendors.user_id = users.id
where users.email = $1;
