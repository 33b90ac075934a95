-- Units of an item that refunds have given back (those that failed have not), and how many went
-- back on the shelf with them: these stay there though their refund fails.
create or replace function order_item_units(p_order_item_id uuid)
returns table (refunded bigint, restocked bigint) language sql stable as $$
    select coalesce(sum(refund_items.quantity) filter (where refunds.status <> 'FAILED'), 0),
        coalesce(sum(refund_items.restocked), 0)
    from refund_items inner join refunds on refunds.id = refund_items.refund_id
    where refund_items.order_item_id = p_order_item_id;
$$;
