-- Sessions without any refresh token left: none of their access tokens can still be alive.
delete from sessions
where created_at < now() - interval '31 days'
    and not exists (select from refresh_tokens where refresh_tokens.session_id = sessions.id);
