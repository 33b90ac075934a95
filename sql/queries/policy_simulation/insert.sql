-- $1 id, $2 version's id, $3 is_shadow, $4 since, $5 limit, $6 currency, $7 who or null
insert into policy_simulations (id, version_id, is_shadow, since, row_limit, currency, created_by)
values ($1::uuid, $2::uuid, $3, $4::timestamptz, $5::bigint, $6, $7::uuid);
