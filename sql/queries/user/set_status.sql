-- $1 user, $2 status
update users set status = $2, updated_at = now() where id = $1::uuid;
