-- $1 user, $2 name
update users set name = coalesce($2, name), updated_at = now() where id = $1::uuid;
