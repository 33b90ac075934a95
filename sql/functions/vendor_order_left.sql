-- What a buyer can still be given back of a vendor order: not what was refunded, nor what a lost
-- dispute has taken.
create or replace function vendor_order_left(p_vendor_order_id uuid) returns bigint
language sql stable as $$
    select greatest(0, subtotal_minor - refunded_minor - (
        select coalesce(sum(dispute_parts.amount_minor), 0)
        from dispute_parts inner join disputes on disputes.id = dispute_parts.dispute_id
        where dispute_parts.vendor_order_id = vendor_orders.id and disputes.state = 'LOST'
    ))::bigint
    from vendor_orders where id = p_vendor_order_id;
$$;
