-- Moves the stock of an order's items (of one vendor order, when given), in id order like
-- stock_reserve. Paid: (-1, -1, 'SOLD'); released unpaid: (0, -1, null); restocked: (1, 0,
-- 'RESTOCKED'). p_kind writes an inventory movement for each product.
create or replace function stock_move(
    p_order_id uuid, p_vendor_order_id uuid, p_stock_sign integer, p_reserved_sign integer,
    p_kind text
) returns void language plpgsql as $$
begin
    with locked as materialized (
        select product_stock.product_id, order_items.quantity
        from order_items
        inner join product_stock on product_stock.product_id = order_items.product_id
        where order_items.order_id = p_order_id
            and (p_vendor_order_id is null or order_items.vendor_order_id = p_vendor_order_id)
        order by product_stock.product_id
        for no key update of product_stock
    ),
    moved as (
        update product_stock
        set stock = product_stock.stock + p_stock_sign * locked.quantity,
            reserved = product_stock.reserved + p_reserved_sign * locked.quantity
        from locked where product_stock.product_id = locked.product_id
        returning product_stock.product_id, locked.quantity, product_stock.stock
    )
    insert into inventory_movements (product_id, kind, delta, stock_after, order_id)
    select moved.product_id, p_kind, p_stock_sign * moved.quantity, moved.stock, p_order_id
    from moved where p_kind is not null;
end;
$$;
