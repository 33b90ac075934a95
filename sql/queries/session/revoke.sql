-- $1 session, $2 why
update sessions set revoked_at = now(), revoked_reason = $2
where id = $1::uuid and revoked_at is null;
