-- $1 SHA-256 of the refresh token, $2 session, $3 its life in seconds
insert into refresh_tokens (token_sha256, session_id, expires_at)
values ($1, $2::uuid, now() + make_interval(secs => $3::integer));
