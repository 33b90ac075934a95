-- Refresh tokens that expired long ago. They are kept for longer than any access token lives
-- (auth.token_ttl_s is at most 30 days), since with its last one a session goes too.
delete from refresh_tokens where expires_at < now() - interval '31 days';
