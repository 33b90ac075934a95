-- $1 how many. Payments whose fee is not known yet. Right after its success a payment is asked
-- about at once; one that Stripe could not tell of waits as long as it is old, from half a minute
-- up.
select id, provider_payment_id, currency
from payments
where fee_minor is null and succeeded_at is not null and quarantined_at is null
    and provider_payment_id is not null
    and (
        coalesce(checked_at, succeeded_at) <= succeeded_at
        or checked_at < now() - greatest(interval '30 s', checked_at - succeeded_at)
    )
order by succeeded_at
limit $1::integer;
