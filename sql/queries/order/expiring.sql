-- $1 how many at most, $2 seconds between two tries. Overdue orders with a live payment, which
-- Stripe must give up first.
select orders.id, payments.id as payment_id
from orders
inner join payments on payments.order_id = orders.id
    and payments.status in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING')
where orders.status = 'PENDING' and orders.expires_at <= now()
    and (
        payments.status <> 'PROCESSING'
        or coalesce(payments.checked_at, payments.created_at)
            <= now() - make_interval(secs => $2::integer)
    )
    and not exists (
        select from stripe_ops
        where stripe_ops.kind in ('payment_create', 'payment_cancel')
            and stripe_ops.ref_id = payments.id
            and case stripe_ops.state
                when 'REJECTED'
                    then stripe_ops.updated_at > now() - make_interval(secs => $2::integer)
                when 'DONE' then false
                else stripe_ops.first_sent_at is not null and stripe_ops.next_at > now()
            end
    )
order by orders.expires_at
limit $1::integer;
