-- Makes orders of carts, many in one transaction, each whole or not at all, in the order in which
-- they stand. What was read for them is an assumption that is proved here: an order takes exactly
-- its cart, at exactly its prices. One that cannot be made is refused alone, in its row: SK410
-- (short), SK420 (another price) as stock_reserve raises them, and SK421 (another cart).
--
-- All are tried at once, goods last: the rows that everybody wants are locked while nothing but the
-- commit is left to do. Only when something does not fit are the orders made one by one, goods
-- first, so that earlier ones get what is there; all locks are taken before, carts and goods in id
-- order, or two of these could wait for each other.
--
-- One plan a statement whatever the arrays hold: planning for each costs more than running it.
create or replace function checkout_place(
    -- An order each: ids, buyers, currencies, subtotals, discounts, shippings, fees, addresses,
    -- notes, seconds until it expires.
    p_ids uuid[], p_buyers uuid[], p_currencies text[], p_subtotals bigint[],
    p_discounts bigint[], p_shippings bigint[], p_fees bigint[], p_addresses jsonb[],
    p_notes text[], p_expires_s integer[],
    -- A vendor order each.
    part_ids uuid[], part_orders uuid[], part_vendors uuid[], part_currencies text[],
    part_subtotals bigint[], part_fees bigint[], part_versions text[], part_reasons text[],
    part_inputs jsonb[], part_shippings bigint[],
    -- A line each.
    line_ids uuid[], line_orders uuid[], line_buyers uuid[], line_parts uuid[],
    line_vendors uuid[], line_products uuid[], line_names text[], line_prices bigint[],
    line_quantities integer[], line_discounts bigint[],
    -- A line of a fee each.
    fee_orders uuid[], fee_parts uuid[], fee_positions integer[], fee_names text[],
    fee_amounts bigint[],
    -- A discount each.
    off_orders uuid[], off_parts uuid[], off_positions integer[], off_plugins text[],
    off_names text[], off_bearers text[], off_amounts bigint[]
) returns table (
    refusal text, message text, details jsonb, number text, expires_at timestamptz,
    created_at timestamptz
) language plpgsql set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
    v_count constant integer := cardinality(p_ids);
    v_at integer := case when v_count > 1 then 0 else 1 end;
    v_only uuid;
    v_is_same boolean;
    v_refusals text[] := array_fill(null::text, array[v_count]);
    v_messages text[] := v_refusals;
    v_details text[] := v_refusals;
    v_numbers text[] := v_refusals;
    v_made text[];
    v_message text;
    v_detail text;
begin
    perform from carts where id = any(p_buyers) order by id for no key update;
    -- What several want and is short already is not tried at once: a look without locks. Of what one
    -- wants there was enough a moment ago.
    if v_count > 1 then
        if cardinality(line_products)
            > (select count(distinct l.product_id) from unnest(line_products) as l (product_id))
        then
            if exists (
                select from (
                    select l.product_id, sum(l.quantity) as quantity
                    from unnest(line_products, line_quantities) as l (product_id, quantity)
                    group by l.product_id
                    having count(*) > 1
                ) as wanted
                inner join product_stock on product_stock.product_id = wanted.product_id
                where product_stock.stock - product_stock.reserved < wanted.quantity
            ) then
                v_at := 1;
            end if;
        end if;
    end if;
    loop
        -- v_at 0: all at once.
        v_only := p_ids[v_at];
        if v_at = 1 and v_count > 1 then
            perform from product_stock
            where product_id = any(line_products) order by product_id for no key update;
        end if;
        begin
            with taken as (
                delete from cart_items
                where cart_id = any(case v_at when 0 then p_buyers else array[p_buyers[v_at]] end)
                returning cart_id, product_id, quantity
            )
            select coalesce(bool_and(taken.quantity is not distinct from l.quantity), false)
            into v_is_same
            from taken
            full join (
                select w.buyer_id, w.product_id, w.quantity
                from unnest(line_orders, line_buyers, line_products, line_quantities)
                    as w (order_id, buyer_id, product_id, quantity)
                where v_at = 0 or w.order_id = v_only
            ) as l on l.buyer_id = taken.cart_id and l.product_id = taken.product_id;
            if not v_is_same then
                raise exception 'the cart has changed: look at it again' using errcode = 'SK421';
            end if;
            if v_at > 0 and v_count > 1 then
                perform stock_reserve(
                    array_agg(l.product_id), array_agg(l.quantity), array_agg(l.price_minor))
                from unnest(line_orders, line_products, line_quantities, line_prices)
                    as l (order_id, product_id, quantity, price_minor)
                where l.order_id = v_only;
            end if;

            -- In one statement, at whose end its keys are checked.
            with made as (
                insert into orders (
                    id, buyer_id, currency, subtotal_minor, discount_minor, shipping_minor,
                    total_minor, platform_fee_minor, shipping_address, note, expires_at
                )
                select
                    p_ids[o.at], p_buyers[o.at], p_currencies[o.at], p_subtotals[o.at],
                    p_discounts[o.at], p_shippings[o.at],
                    p_subtotals[o.at] - p_discounts[o.at] + p_shippings[o.at], p_fees[o.at],
                    p_addresses[o.at], p_notes[o.at],
                    now() + make_interval(secs => p_expires_s[o.at])
                from generate_series(1, v_count) as o (at)
                where v_at = 0 or o.at = v_at
                returning orders.id, orders.buyer_id, orders.number
            ),
            made_parts as (
                insert into vendor_orders (
                    id, order_id, vendor_id, currency, subtotal_minor, fee_minor, earnings_minor,
                    fee_policy_version, fee_reason, fee_input, shipping_minor
                )
                select
                    part_ids[v.at], part_orders[v.at], part_vendors[v.at], part_currencies[v.at],
                    part_subtotals[v.at], part_fees[v.at], part_subtotals[v.at] - part_fees[v.at],
                    part_versions[v.at], part_reasons[v.at], part_inputs[v.at],
                    part_shippings[v.at]
                from generate_series(1, cardinality(part_ids)) as v (at)
                where v_at = 0 or part_orders[v.at] = v_only
            ),
            made_lines as (
                insert into order_items (
                    id, order_id, vendor_order_id, vendor_id, product_id, name, unit_price_minor,
                    quantity, discount_minor, line_total_minor
                )
                select
                    line_ids[i.at], line_orders[i.at], line_parts[i.at], line_vendors[i.at],
                    line_products[i.at], line_names[i.at], line_prices[i.at], line_quantities[i.at],
                    line_discounts[i.at],
                    line_prices[i.at] * line_quantities[i.at] - line_discounts[i.at]
                from generate_series(1, cardinality(line_ids)) as i (at)
                where v_at = 0 or line_orders[i.at] = v_only
            ),
            made_fee_lines as (
                insert into fee_lines (vendor_order_id, position, name, amount_minor)
                select fee_parts[f.at], fee_positions[f.at], fee_names[f.at], fee_amounts[f.at]
                from generate_series(1, cardinality(fee_parts)) as f (at)
                where v_at = 0 or fee_orders[f.at] = v_only
            ),
            told as (
                insert into outbox_events (type, data)
                select 'order.created',
                    jsonb_build_object('orderId', made.id, 'buyerId', made.buyer_id)
                from made
            )
            select array_agg(made.number) into v_made from made;
            if cardinality(off_orders) > 0 then
                insert into order_discounts (
                    order_id, vendor_order_id, position, plugin, name, bearer, amount_minor
                )
                select
                    d.order_id, d.vendor_order_id, d.position, d.plugin, d.name, d.bearer,
                    d.amount_minor
                from unnest(
                    off_orders, off_parts, off_positions, off_plugins, off_names, off_bearers,
                    off_amounts
                ) as d (
                    order_id, vendor_order_id, position, plugin, name, bearer, amount_minor
                )
                where v_at = 0 or d.order_id = v_only;
            end if;
            if v_at = 0 or v_count = 1 then
                perform stock_reserve(line_products, line_quantities, line_prices);
            end if;
            if v_at = 0 then
                v_numbers := v_made;
                exit;
            end if;
            v_numbers[v_at] := v_made[1];
        exception when sqlstate 'SK410' or sqlstate 'SK420' or sqlstate 'SK421' then
            if v_at > 0 then
                get stacked diagnostics
                    v_message = message_text, v_detail = pg_exception_detail;
                v_refusals[v_at] := sqlstate;
                v_messages[v_at] := v_message;
                v_details[v_at] := v_detail;
            end if;
        end;
        exit when v_at = v_count;
        v_at := v_at + 1;
    end loop;

    return query
    select v_refusals[v.at], v_messages[v.at], nullif(v_details[v.at], '')::jsonb, v_numbers[v.at],
        case when v_refusals[v.at] is null
            then now() + make_interval(secs => p_expires_s[v.at]) end,
        case when v_refusals[v.at] is null then now() end
    from generate_series(1, v_count) as v (at)
    order by v.at;
end;
$$;
