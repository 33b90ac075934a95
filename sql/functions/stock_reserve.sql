-- Reserves all lines or none. Rows are locked in id order, so carts cannot deadlock; what is for
-- sale, and at which price, is looked at once the locks are held, in a snapshot of that moment.
-- SK410 with every line that is short or no longer sellable; SK420 when a price differs from the one
-- the caller reckoned with (p_prices_minor null: any price will do).
create or replace function stock_reserve(
    p_product_ids uuid[], p_quantities integer[], p_prices_minor bigint[] default null
) returns void language plpgsql set plan_cache_mode = force_generic_plan as $$
declare
    v_taken uuid[];
    v_lines bigint;
    v_short jsonb;
    v_changed jsonb;
begin
    perform from product_stock
    where product_id = any(p_product_ids)
    order by product_id
    for no key update;

    with wanted as (
        select w.product_id, sum(w.quantity) as quantity, count(*) as lines,
            min(w.price_minor) as lowest_minor, max(w.price_minor) as highest_minor
        from unnest(p_product_ids, p_quantities, p_prices_minor)
            as w (product_id, quantity, price_minor)
        group by w.product_id
    ),
    taken as (
        update product_stock set reserved = product_stock.reserved + wanted.quantity
        from wanted
        inner join products on products.id = wanted.product_id
        inner join vendors on vendors.id = products.vendor_id
        where product_stock.product_id = wanted.product_id
            and product_stock.stock - product_stock.reserved >= wanted.quantity
            and products.status = 'PUBLISHED' and vendors.status = 'ACTIVE'
            and coalesce(wanted.lowest_minor = products.price_minor, true)
            and coalesce(wanted.highest_minor = products.price_minor, true)
        returning product_stock.product_id, wanted.lines
    )
    select array_agg(taken.product_id), sum(taken.lines) into v_taken, v_lines from taken;
    if v_lines = cardinality(p_product_ids) then
        return;
    end if;

    -- Why not all: what this very statement has taken is there, as far as others are concerned.
    select
        jsonb_agg(jsonb_build_object(
            'field', 'items', 'message', format('%s wanted, %s available', shelf.quantity,
                shelf.available),
            'productId', shelf.product_id, 'requested', shelf.quantity,
            'available', shelf.available
        ) order by shelf.product_id)
        filter (where shelf.available < shelf.quantity),
        jsonb_agg(jsonb_build_object(
            'field', 'items', 'message', 'the price has changed',
            'productId', shelf.product_id, 'expected', shelf.lowest_minor,
            'price', shelf.price_minor
        ) order by shelf.product_id)
        filter (where shelf.lowest_minor <> shelf.price_minor
            or shelf.highest_minor <> shelf.price_minor)
    into v_short, v_changed
    from (
        select wanted.*, products.price_minor,
            case when products.status = 'PUBLISHED' and vendors.status = 'ACTIVE'
                then product_stock.stock - product_stock.reserved
                    + case when wanted.product_id = any(v_taken) then wanted.quantity else 0 end
                else 0 end as available
        from (
            select w.product_id, sum(w.quantity) as quantity, min(w.price_minor) as lowest_minor,
                max(w.price_minor) as highest_minor
            from unnest(p_product_ids, p_quantities, p_prices_minor)
                as w (product_id, quantity, price_minor)
            group by w.product_id
        ) as wanted
        left join products on products.id = wanted.product_id
        left join vendors on vendors.id = products.vendor_id
        left join product_stock on product_stock.product_id = wanted.product_id
    ) as shelf;
    if v_short is not null then
        raise exception 'Insufficient stock for product' using errcode = 'SK410', detail = v_short;
    end if;
    -- Nothing to show: it has changed back meanwhile.
    raise exception 'a price has changed: look at the cart again'
        using errcode = 'SK420', detail = coalesce(v_changed, '[]');
end;
$$;
