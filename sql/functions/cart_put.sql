-- Puts a quantity of a product in a buyer's cart: on top of what is there (p_item_id null), or as
-- the new quantity of a line. SK404 for what cannot be bought or is no line of this cart, SK401
-- when the shelf holds less, SK422 beyond one line's maximum, SK409 beyond the largest amount. A
-- cart reserves nothing.
create or replace function cart_put(
    p_buyer_id uuid, p_product_id uuid, p_item_id uuid, p_quantity integer
) returns void language plpgsql as $$
declare
    v_product_id uuid := p_product_id;
    v_product record;
    v_quantity integer := p_quantity;
begin
    -- A cart has its buyer's id: it can be named before it has a row. Both of its keys can be met
    -- by somebody who makes it at the same time.
    update carts set updated_at = now() where id = p_buyer_id;
    if not found then
        insert into carts (id, buyer_id) values (p_buyer_id, p_buyer_id) on conflict do nothing;
        update carts set updated_at = now() where id = p_buyer_id;
    end if;
    if p_item_id is not null then
        select product_id into v_product_id from cart_items
        where id = p_item_id and cart_id = p_buyer_id;
    end if;
    select product_stock.stock - product_stock.reserved as available, products.price_minor,
        cart_items.quantity as present
    into v_product
    from products
    inner join vendors on vendors.id = products.vendor_id
    inner join product_stock on product_stock.product_id = products.id
    left join cart_items
        on cart_items.cart_id = p_buyer_id and cart_items.product_id = products.id
    where products.id = v_product_id and products.status = 'PUBLISHED'
        and vendors.status = 'ACTIVE';
    if not found then
        raise exception 'not found' using errcode = 'SK404';
    end if;
    if p_item_id is null then
        v_quantity := v_quantity + coalesce(v_product.present, 0);
    end if;
    if v_quantity > 999 then
        raise exception 'some fields are invalid: see details' using errcode = 'SK422',
            detail = '[{"field":"quantity","message":"a line holds at most 999"}]';
    elsif v_quantity > v_product.available then
        raise exception 'Insufficient stock for product' using errcode = 'SK401',
            detail = jsonb_build_array(jsonb_build_object(
                'field', 'quantity', 'message', format('only %s available', v_product.available),
                'productId', v_product_id, 'requested', v_quantity,
                'available', v_product.available));
    end if;
    insert into cart_items (cart_id, product_id, quantity, seen_price_minor)
    values (p_buyer_id, v_product_id, v_quantity, v_product.price_minor)
    on conflict on constraint cart_items_cart_id_product_id_key
    do update set quantity = excluded.quantity, updated_at = now(),
        seen_price_minor = excluded.seen_price_minor;
    -- A thousand lines below this cannot pass the bound of an amount: they need no sum. Asked in one
    -- condition with the sum, it would be a query each time.
    if v_product.price_minor * v_quantity > 1000000000 then
        if (
            select sum(products.price_minor * cart_items.quantity)
            from cart_items inner join products on products.id = cart_items.product_id
            where cart_items.cart_id = p_buyer_id
        ) > 1000000000000 then
            raise exception 'the cart is worth more than one order can be: take something out'
                using errcode = 'SK409';
        end if;
    end if;
end;
$$;
