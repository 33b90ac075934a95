-- Sets when earnings that no run has taken yet are due: so many days after their vendor order
-- reached what its vendor's policy asks for. A cancelled one is never due. p_order_id null: of all
-- orders of these vendors. Items are locked in the order of their ids.
create or replace function payout_due(
    p_vendor_ids uuid[], p_currencies text[], p_whens text[], p_hold_days integer[], p_order_id uuid
) returns integer language plpgsql as $$
declare
    v_count integer;
begin
    with asked as (
        select i.id, case
                when vendor_orders.status = 'CANCELLED' then null
                when w.transfer_when = 'PAID' then vendor_orders.confirmed_at
                when w.transfer_when = 'SHIPPED' then vendor_orders.shipped_at
                when w.transfer_when = 'DELIVERED' then vendor_orders.delivered_at
                when vendor_orders.status = 'COMPLETED' then vendor_orders.closed_at
            end + make_interval(days => w.hold_days) as due_at
        from unnest(p_vendor_ids, p_currencies, p_whens, p_hold_days)
            as w (vendor_id, currency, transfer_when, hold_days)
        inner join payouts on payouts.vendor_id = w.vendor_id and payouts.currency = w.currency
            and payouts.status in ('PENDING', 'ON_HOLD')
        inner join payout_items as i on i.payout_id = payouts.id and i.kind = 'EARNING'
        inner join vendor_orders on vendor_orders.id = i.vendor_order_id
        where p_order_id is null or vendor_orders.order_id = p_order_id
    ),
    changed as (
        select i.id, asked.due_at
        from asked inner join payout_items as i on i.id = asked.id
        where i.due_at is distinct from asked.due_at
        order by i.id
        for update of i
    )
    update payout_items set due_at = changed.due_at
    from changed where payout_items.id = changed.id;
    get diagnostics v_count = row_count;
    return v_count;
end;
$$;
