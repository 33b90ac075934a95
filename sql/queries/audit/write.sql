-- $1 actor, $2 action, $3 object, $4 before, $5 after, $6 reason, $7 request id
insert into audit_log (actor_id, action, object, before, after, reason, request_id)
values ($1, $2, $3, $4::jsonb, $5::jsonb, $6, $7);
