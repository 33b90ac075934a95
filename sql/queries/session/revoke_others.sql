-- $1 user, $2 the session that stays (null: none), $3 why
update sessions set revoked_at = now(), revoked_reason = $3
where user_id = $1::uuid
    and revoked_at is null
    and ($2::uuid is null or id <> $2::uuid);
