-- $1 name, $2 version's id, $3 from when or null for now, $4 percent, $5 reason, $6 actor or null
insert into policy_activations (name, version_id, starts_at, percent, reason, actor_id)
values ($1, $2::uuid, coalesce($3::timestamptz, now()), $4::integer, $5, $6::uuid);
