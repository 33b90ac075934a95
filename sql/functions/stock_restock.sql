-- Puts units of one order's items back on the shelf, in id order like stock_reserve, with an
-- inventory movement for each product.
create or replace function stock_restock(p_order_item_ids uuid[], p_quantities integer[])
returns void language plpgsql as $$
begin
    with locked as materialized (
        select product_stock.product_id, order_items.order_id, w.quantity
        from unnest(p_order_item_ids, p_quantities) as w (order_item_id, quantity)
        inner join order_items on order_items.id = w.order_item_id
        inner join product_stock on product_stock.product_id = order_items.product_id
        where w.quantity > 0
        order by product_stock.product_id
        for no key update of product_stock
    ),
    moved as (
        update product_stock set stock = product_stock.stock + locked.quantity
        from locked where product_stock.product_id = locked.product_id
        returning product_stock.product_id, locked.order_id, locked.quantity, product_stock.stock
    )
    insert into inventory_movements (product_id, kind, delta, stock_after, order_id)
    select moved.product_id, 'RESTOCKED', moved.quantity, moved.stock, moved.order_id from moved;
end;
$$;
