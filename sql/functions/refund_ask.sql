-- A refund as somebody asks for it: of units (p_items, see refund_units; p_is_restocked puts them
-- back on the shelf), of an amount, or of all that is left; of one vendor order or, when that is
-- null, of the whole order. An amount over several vendor orders is cut by what is left of each.
-- Returns the refund's id. SK404, SK422, SK423, SK416 when there is nothing (so much) to give back.
-- The caller queues the call to Stripe in the same transaction.
create or replace function refund_ask(
    p_order_id uuid, p_vendor_order_id uuid, p_amount_minor bigint, p_items jsonb,
    p_is_restocked boolean, p_cause text, p_reason text, p_actor_id uuid
) returns uuid language plpgsql as $$
declare
    v_ids uuid[];
    v_left bigint[];
    v_amounts bigint[];
    v_units refund_items[];
    v_refund_id uuid;
begin
    perform from orders where id = p_order_id for update;
    perform from vendor_orders where order_id = p_order_id order by id for update;
    select array_agg(id order by id), array_agg(vendor_order_left(id) order by id)
    into v_ids, v_left
    from vendor_orders
    where order_id = p_order_id and (p_vendor_order_id is null or id = p_vendor_order_id);
    if v_ids is null then
        raise exception 'not found' using errcode = 'SK404';
    end if;
    if p_items is not null then
        select array_agg(row(null, u.order_item_id, u.quantity, u.amount_minor,
            case when p_is_restocked then u.restockable else 0 end)::refund_items) into v_units
        from refund_units(p_order_id, p_vendor_order_id, p_items) as u;
        select array_agg(coalesce(part.amount, 0) order by w.position) into v_amounts
        from unnest(v_ids) with ordinality as w (id, position)
        left join (
            select order_items.vendor_order_id, sum(u.amount_minor)::bigint as amount
            from unnest(v_units) as u
            inner join order_items on order_items.id = u.order_item_id
            group by order_items.vendor_order_id
        ) as part on part.vendor_order_id = w.id;
    else
        v_amounts := money_split(coalesce(p_amount_minor,
            (select sum(amount)::bigint from unnest(v_left) as l (amount))), v_left);
    end if;
    v_refund_id := refund_open(p_order_id, p_cause, p_reason, v_ids, v_amounts, p_actor_id);
    if v_refund_id is null then
        raise exception 'nothing is left to refund' using errcode = 'SK416';
    end if;
    insert into refund_items (refund_id, order_item_id, quantity, amount_minor, restocked)
    select v_refund_id, u.order_item_id, u.quantity, u.amount_minor, u.restocked
    from unnest(v_units) as u;
    perform stock_restock(array_agg(u.order_item_id), array_agg(u.restocked))
    from unnest(v_units) as u;
    return v_refund_id;
end;
$$;
