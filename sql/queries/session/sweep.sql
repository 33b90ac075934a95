-- Refresh tokens that no longer matter. Their sessions stay while an access token of theirs may
-- live.
delete from refresh_tokens where expires_at < now() - interval '1 day';
