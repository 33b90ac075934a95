-- $1 how many at most. Unpaid orders that nobody can pay any more, as order_expire_due takes them.
select id from orders
where status = 'PENDING' and expires_at <= now()
    and not exists (
        select from payments where payments.order_id = orders.id
            and payments.status in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING')
    )
order by expires_at limit $1::integer;
