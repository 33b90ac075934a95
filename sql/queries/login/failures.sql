-- $1 subject
select
    failures,
    ceil(
        extract(epoch from first_failed_at + interval '15 minutes' - now())
    )::integer as retry_after_s
from login_attempts
where subject = $1 and first_failed_at > now() - interval '15 minutes';
