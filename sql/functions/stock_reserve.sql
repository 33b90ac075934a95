-- Reserves all lines or none. Rows are locked in id order in one statement, so carts cannot
-- deadlock. SK410 with every line that is short or no longer sellable; SK420 when a price differs
-- from the one the caller reckoned with (p_prices_minor null: any price will do).
create or replace function stock_reserve(
    p_product_ids uuid[], p_quantities integer[], p_prices_minor bigint[] default null
) returns void language plpgsql as $$
declare
    v_short jsonb;
    v_changed jsonb;
begin
    with wanted as materialized (
        select w.product_id, sum(w.quantity) as quantity, min(w.price_minor) as price_minor
        from unnest(p_product_ids, p_quantities, p_prices_minor)
            as w (product_id, quantity, price_minor)
        group by w.product_id
    ),
    locked as materialized (
        select products.id, wanted.quantity, products.price_minor,
            case when products.status = 'PUBLISHED' and vendors.status = 'ACTIVE'
                then products.stock - products.reserved else 0 end as available
        from products
        inner join wanted on wanted.product_id = products.id
        inner join vendors on vendors.id = products.vendor_id
        order by products.id
        for no key update of products
    ),
    reserved as (
        update products set reserved = products.reserved + locked.quantity
        from locked where products.id = locked.id and locked.available >= locked.quantity
    )
    select
        jsonb_agg(jsonb_build_object(
            'field', 'items', 'message', format('%s wanted, %s available', wanted.quantity,
                greatest(coalesce(locked.available, 0), 0)),
            'productId', wanted.product_id, 'requested', wanted.quantity,
            'available', greatest(coalesce(locked.available, 0), 0)
        ) order by wanted.product_id)
        filter (where locked.id is null or locked.available < wanted.quantity),
        jsonb_agg(jsonb_build_object(
            'field', 'items', 'message', 'the price has changed',
            'productId', wanted.product_id, 'expected', wanted.price_minor,
            'price', locked.price_minor
        ) order by wanted.product_id)
        filter (where wanted.price_minor <> locked.price_minor)
    into v_short, v_changed
    from wanted left join locked on locked.id = wanted.product_id;

    if v_short is not null then
        raise exception 'Insufficient stock for product' using errcode = 'SK410', detail = v_short;
    end if;
    if v_changed is not null then
        raise exception 'a price has changed: look at the cart again'
            using errcode = 'SK420', detail = v_changed;
    end if;
end;
$$;
