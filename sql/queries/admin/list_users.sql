-- $1 role, $2 status, $3 like pattern of email or name (null: all), $4 $5 cursor, $6 limit, $7
-- offset
select
    users.id,
    users.email,
    users.name,
    users.role,
    users.status,
    vendors.id as "vendorId",
    buyers.id as "buyerId",
    users.created_at as "createdAt",
    users.created_at::text as "~sort"
from users
left join buyers on buyers.user_id = users.id
left join vendors on vendors.user_id = users.id
where ($1::text is null or users.role = $1)
    and ($2::text is null or users.status = $2)
    and ($3::text is null or users.email like $3 or lower(users.name) like $3)
    and (users.created_at, users.id) < (
        coalesce($4::timestamptz, 'infinity'),
        coalesce($5::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    )
order by users.created_at desc, users.id desc
limit $6::integer offset $7::integer;
