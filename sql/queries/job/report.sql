-- What works in the background, how much waits, and what somebody must look at.
select 'stripe_ops' as name,
    count(*) filter (where state in ('NEW', 'SENT', 'UNKNOWN')) as waiting,
    count(*) filter (
        where state in ('NEW', 'SENT', 'UNKNOWN')
            and coalesce(first_sent_at, created_at) < now() - interval '23 hours'
    ) as stuck,
    min(created_at) filter (where state in ('NEW', 'SENT', 'UNKNOWN')) as "oldestAt"
from stripe_ops where state in ('NEW', 'SENT', 'UNKNOWN')
union all
select 'stripe_events', count(*) filter (where state = 'NEW'),
    count(*) filter (where state = 'DEAD'),
    min(received_at) filter (where state = 'NEW')
from stripe_events where state in ('NEW', 'DEAD')
union all
select 'orders_to_expire', count(*), count(*) filter (where expires_at < now() - interval '1 hour'),
    min(expires_at)
from orders where status = 'PENDING' and expires_at <= now()
union all
select 'payments_quarantined', 0, count(*), min(quarantined_at)
from payments where quarantined_at is not null
    and status in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING')
union all
select 'refunds', count(*) filter (where status = 'PENDING'),
    count(*) filter (where status = 'FAILED'), min(created_at) filter (where status = 'PENDING')
from refunds where status <> 'SUCCEEDED'
union all
select 'stripe_accounts', count(*) filter (where status = 'CREATING'),
    count(*) filter (where status = 'OPEN' and checked_at < now() - interval '2 days'),
    min(created_at) filter (where status = 'CREATING')
from stripe_accounts where status in ('CREATING', 'OPEN')
union all
select 'payouts', count(*) filter (where status = 'PROCESSING'),
    count(*) filter (where status = 'FAILED' and amount_minor > 0
        or status = 'PENDING' and hold_reason is not null),
    min(updated_at) filter (where status = 'PROCESSING')
from payouts where status in ('PROCESSING', 'FAILED', 'PENDING')
union all
select 'outbox_events', count(*), count(*) filter (where attempts >= 10), min(created_at)
from outbox_events where done_at is null;
