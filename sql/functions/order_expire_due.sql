-- Expires unpaid orders that nobody can pay any more because no payment of theirs is alive; the
-- others need Stripe's word first (lua/flows/expiry.lua). Rows that somebody works on are left for
-- the next turn.
create or replace function order_expire_due(p_limit integer) returns integer language plpgsql as $$
declare
    v_order_id uuid;
    v_count integer := 0;
begin
    for v_order_id in
        select id from orders
        where status = 'PENDING' and expires_at <= now()
            and not exists (
                select from payments where payments.order_id = orders.id
                    and payments.status in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING')
            )
        order by expires_at limit p_limit
        for update skip locked
    loop
        -- A payment may have been opened between the snapshot and the lock.
        if not exists (
            select from payments where order_id = v_order_id
                and status in ('CREATED', 'REQUIRES_ACTION', 'PROCESSING')
        ) then
            perform order_release(v_order_id, 'EXPIRED', 'not paid in time');
            v_count := v_count + 1;
        end if;
    end loop;
    return v_count;
end;
$$;
