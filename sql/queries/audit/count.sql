-- $1 object, $2 action, $3 actor (null: all)
select count(*) as total
from audit_log
where ($1::text is null or object = $1)
    and ($2::text is null or action = $2)
    and ($3::uuid is null or actor_id = $3::uuid);
