-- $1 id, $2 status
update vendors set status = $2, updated_at = now() where id = $1::uuid;
