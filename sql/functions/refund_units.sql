-- Units that somebody wants refunded, p_items [{orderItemId, quantity}], added up by item: what
-- they cost, together never beyond what is left of their vendor order, and how many of them can go
-- back on the shelf. SK422 names items that are not in the order (in p_vendor_order_id, when
-- given); SK416 beyond what was not refunded by units yet. The caller holds the order's lock.
create or replace function refund_units(p_order_id uuid, p_vendor_order_id uuid, p_items jsonb)
returns table (
    order_item_id uuid, vendor_order_id uuid, quantity integer, amount_minor bigint,
    restockable integer
) language plpgsql as $$
declare
    v_unknown jsonb;
begin
    select jsonb_agg(jsonb_build_object('field', 'items.' || (i.position - 1) || '.orderItemId',
        'message', 'is not in this order') order by i.position) into v_unknown
    from jsonb_array_elements(p_items) with ordinality as i (item, position)
    where not exists (
        select from order_items
        where order_items.id = (i.item ->> 'orderItemId')::uuid
            and order_items.order_id = p_order_id
            and (p_vendor_order_id is null or order_items.vendor_order_id = p_vendor_order_id)
    );
    if v_unknown is not null then
        raise exception 'some fields are invalid: see details'
            using errcode = 'SK422', detail = v_unknown;
    end if;
    if exists (
        select from jsonb_array_elements(p_items) as i (item)
        inner join order_items on order_items.id = (i.item ->> 'orderItemId')::uuid
        cross join lateral order_item_units(order_items.id) as known
        group by order_items.id, known.refunded
        having sum((i.item ->> 'quantity')::bigint) > order_items.quantity - known.refunded
    ) then
        raise exception 'more units than were not refunded yet' using errcode = 'SK416';
    end if;
    return query
    with units as (
        select order_items.id, order_items.vendor_order_id, wanted.quantity,
            -- Of a line with a discount all units together cost exactly its total.
            order_items.line_total_minor * (known.refunded + wanted.quantity)
                / order_items.quantity
                - order_items.line_total_minor * known.refunded / order_items.quantity as cost,
            case vendor_orders.status when 'CANCELLED' then 0
                else least(wanted.quantity, order_items.quantity - known.restocked)
            end as restockable
        from (
            select (i.item ->> 'orderItemId')::uuid as id,
                sum((i.item ->> 'quantity')::bigint)::bigint as quantity
            from jsonb_array_elements(p_items) as i (item) group by 1
        ) as wanted
        inner join order_items on order_items.id = wanted.id
        inner join vendor_orders on vendor_orders.id = order_items.vendor_order_id
        cross join lateral order_item_units(order_items.id) as known
    ),
    shares as (
        select array_agg(units.id order by units.id) as ids, money_split(
            least(sum(units.cost), vendor_order_left(units.vendor_order_id))::bigint,
            array_agg(units.cost::bigint order by units.id)
        ) as amounts
        from units group by units.vendor_order_id
    )
    select units.id, units.vendor_order_id, units.quantity::integer, share.amount,
        units.restockable::integer
    from shares
    cross join lateral unnest(shares.ids, shares.amounts) as share (id, amount)
    inner join units on units.id = share.id;
end;
$$;
