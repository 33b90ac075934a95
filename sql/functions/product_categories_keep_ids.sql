-- products.category_ids are those of product_categories, whoever files a product. Rows that differ
-- are locked by id first: the statement behind that sees what it waited for.
create or replace function product_categories_keep_ids() returns trigger language plpgsql as $$
declare
    v_ids uuid[] := array(select distinct product_id from changed);
begin
    perform from products
    where id = any(v_ids) and category_ids <> array(
        select category_id from product_categories where product_id = products.id
        order by category_id
    )
    order by id
    for no key update;
    if not found then
        return null;
    end if;
    update products
    set category_ids = filed.category_ids
    from (
        select wanted.product_id, array(
            select category_id from product_categories where product_id = wanted.product_id
            order by category_id
        ) as category_ids
        from unnest(v_ids) as wanted (product_id)
    ) as filed
    where products.id = filed.product_id and products.category_ids <> filed.category_ids;
    return null;
end;
$$;
create or replace trigger product_categories_keep_ids_of_new after insert on product_categories
referencing new table as changed
for each statement execute function product_categories_keep_ids();
create or replace trigger product_categories_keep_ids_of_old after delete on product_categories
referencing old table as changed
for each statement execute function product_categories_keep_ids();
