-- $1 SHA-256 of a refresh token
select
    refresh_tokens.session_id,
    refresh_tokens.used_at is not null as is_used,
    refresh_tokens.expires_at < now() as is_expired,
    sessions.revoked_at is not null as is_revoked,
    sessions.user_id,
    users.email, users.name, users.role, users.status, users.created_at,
    buyers.id as buyer_id,
    vendors.id as vendor_id
from refresh_tokens
inner join sessions on sessions.id = refresh_tokens.session_id
inner join users on users.id = sessions.user_id
left join buyers on buyers.user_id = users.id
left join vendors on vendors.user_id = users.id
where refresh_tokens.token_sha256 = $1
for update of refresh_tokens, sessions;
