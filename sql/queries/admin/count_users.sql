-- $1 role, $2 status, $3 like pattern of email or name (null: all)
select count(*) as total
from users
where ($1::text is null or users.role = $1)
    and ($2::text is null or users.status = $2)
    and ($3::text is null or users.email like $3 or lower(users.name) like $3);
