-- Completes what was delivered longer ago than the return window.
create or replace function vendor_order_complete_due(p_window_s bigint, p_limit integer)
returns integer language plpgsql as $$
declare
    v_id uuid;
    v_count integer := 0;
begin
    for v_id in
        select id from vendor_orders
        where status = 'DELIVERED' and delivered_at <= now() - make_interval(secs => p_window_s)
        order by delivered_at limit p_limit
    loop
        perform vendor_order_step(v_id, null, 'COMPLETED', null, null);
        v_count := v_count + 1;
    end loop;
    return v_count;
end;
$$;
