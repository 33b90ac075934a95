-- $1 SHA-256 of a refresh token, $2 user, $3 why
update sessions set revoked_at = now(), revoked_reason = $3
from refresh_tokens
where refresh_tokens.token_sha256 = $1
    and sessions.id = refresh_tokens.session_id
    and sessions.user_id = $2::uuid
    and sessions.revoked_at is null;
