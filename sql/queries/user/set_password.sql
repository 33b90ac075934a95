-- $1 user, $2 hash
update users set password_hash = $2, updated_at = now() where id = $1::uuid;
