-- $1 subject, $2 most failures. Counts a failure before the password is looked at, so that
-- parallel guesses cannot outrun the count; login/forgive takes it back. A window begins at its
-- first failure.
insert into login_attempts as known (subject, failures)
values ($1, 1)
on conflict (subject) do update
set failures = case
        when known.first_failed_at < now() - interval '15 minutes' then 1
        else least(known.failures, $2::integer) + 1
    end,
    first_failed_at = case
        when known.first_failed_at < now() - interval '15 minutes' then now()
        else known.first_failed_at
    end
returning
    failures,
    ceil(
        extract(epoch from first_failed_at + interval '15 minutes' - now())
    )::integer as retry_after_s;
