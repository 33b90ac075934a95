-- Empties a buyer's cart for a checkout that has read it. SK421 when it no longer holds exactly
-- these lines: another checkout took it, or the buyer changed it meanwhile.
create or replace function cart_take(p_buyer_id uuid, p_product_ids uuid[], p_quantities integer[])
returns void language plpgsql as $$
declare
    v_cart_id uuid;
    v_is_same boolean;
begin
    select id into v_cart_id from carts where buyer_id = p_buyer_id for update;
    with taken as (
        delete from cart_items where cart_id = v_cart_id returning product_id, quantity
    )
    select coalesce(bool_and(taken.quantity is not distinct from wanted.quantity), false)
    into v_is_same
    from taken
    full join unnest(p_product_ids, p_quantities) as wanted (product_id, quantity)
        on wanted.product_id = taken.product_id;
    if not v_is_same then
        raise exception 'the cart has changed: look at it again' using errcode = 'SK421';
    end if;
    update carts set updated_at = now() where id = v_cart_id;
end;
$$;
