-- $1 SHA-256 of a refresh token
update refresh_tokens set used_at = now() where token_sha256 = $1;
