-- $1 seconds of silence, $2 how many at most. Live payments that nobody has brought news of.
select id, provider_payment_id
from payments
where status in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING') and provider_payment_id is not null
    and coalesce(checked_at, created_at) < now() - make_interval(secs => $1::integer)
order by coalesce(checked_at, created_at)
limit $2::integer;
