-- What a sale changes lies apart from what a product says: a row of some forty bytes, so that a
-- page holds the stock of a hundred products and their updates stay in it (HOT), and a sale neither
-- rewrites nor locks a description. Servers of before this migration read columns that are gone:
-- they are stopped first.
create table product_stock (
    product_id uuid not null,
    stock integer not null default 0,
    reserved integer not null default 0,
    constraint product_stock_pkey primary key (product_id),
    constraint product_stock_product_id_fkey foreign key (product_id) references products (id)
        on delete cascade,
    constraint product_stock_stock_in_range check (stock between 0 and 1000000000),
    constraint product_stock_reserved_within_stock check (reserved between 0 and stock)
) with (fillfactor = 50);

insert into product_stock (product_id, stock, reserved)
select id, stock, reserved from products order by id;

-- Every product has its row, whoever made it. Who gives the number himself has done so in the
-- statement that made the product.
create function products_make_stock() returns trigger language plpgsql as $$
begin
    insert into product_stock (product_id) select added.id from added on conflict do nothing;
    return null;
end;
$$;
create trigger products_make_stock after insert on products
referencing new table as added
for each statement execute function products_make_stock();

-- sql/functions makes them again.
drop view if exists product_public;
drop view if exists product_full;

alter table products
    drop constraint products_reserved_within_stock,
    drop constraint products_stock_in_range,
    drop column stock,
    drop column reserved;

analyze product_stock;
