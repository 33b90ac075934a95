-- $1 object, $2 action, $3 actor (null: all), $4 $5 cursor, $6 limit, $7 offset
select
    audit_log.id,
    audit_log.actor_id as "actor?.id",
    users.email as "actor?.email",
    audit_log.action,
    audit_log.object,
    audit_log.before,
    audit_log.after,
    audit_log.reason,
    audit_log.request_id as "requestId",
    audit_log.created_at as "createdAt",
    audit_log.created_at::text as "~sort"
from audit_log
left join users on users.id = audit_log.actor_id
where ($1::text is null or audit_log.object = $1)
    and ($2::text is null or audit_log.action = $2)
    and ($3::uuid is null or audit_log.actor_id = $3::uuid)
    and (audit_log.created_at, audit_log.id) < (
        coalesce($4::timestamptz, 'infinity'),
        coalesce($5::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    )
order by audit_log.created_at desc, audit_log.id desc
limit $6::integer offset $7::integer;
