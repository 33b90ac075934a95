-- $1 user, $2 session (null: a token without one). What a request may do as this user.
select
    users.id,
    users.role,
    users.status,
    users.email,
    users.name,
    users.created_at,
    buyers.id as buyer_id,
    vendors.id as vendor_id,
    vendors.status as vendor_status,
    exists (
        select from sessions
        where sessions.id = $2::uuid
            and (sessions.revoked_at is not null or sessions.user_id <> users.id)
    ) as is_session_over
from users
left join buyers on buyers.user_id = users.id
left join vendors on vendors.user_id = users.id
where users.id = $1::uuid;
