-- Who writes feed_changes. Kinds: 'product' (what anyone is shown of one, but how many are left:
-- product_stock below), 'vendor', 'category', and 'review' with the id of what is reviewed. Statements,
-- not rows, are looked at, so that a price list of thousands costs one insert; more than 1000 things
-- at once are told as "all of that kind".
create or replace function feed_tell(p_kind text, p_ids uuid[]) returns void language sql as $$
    insert into feed_changes (kind, id)
    select p_kind, ids.id
    from unnest(
        case when cardinality(p_ids) > 1000 then array[null::uuid] else p_ids end
    ) as ids (id)
$$;

-- Only what was on sale before or is now: drafts are nobody's.
create or replace function products_tell_feed() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        perform feed_tell('product', array(select id from added where status = 'PUBLISHED'));
    elsif tg_op = 'DELETE' then
        perform feed_tell('product', array(select id from gone where status = 'PUBLISHED'));
    else
        perform feed_tell('product', array(
            select id from added where status = 'PUBLISHED'
            union
            select id from gone where status = 'PUBLISHED'
        ));
    end if;
    return null;
end;
$$;
create or replace trigger products_tell_feed_of_new after insert on products
referencing new table as added for each statement execute function products_tell_feed();
create or replace trigger products_tell_feed_of_changed after update on products
referencing old table as gone new table as added
for each statement execute function products_tell_feed();
create or replace trigger products_tell_feed_of_old after delete on products
referencing old table as gone for each statement execute function products_tell_feed();

create or replace function product_cards_tell_feed() returns trigger language plpgsql as $$
begin
    perform feed_tell('product', array(
        select products.id
        from changed
        inner join products on products.id = changed.product_id
        where products.status = 'PUBLISHED'
    ));
    return null;
end;
$$;
create or replace trigger product_cards_tell_feed_of_new after insert on product_cards
referencing new table as changed for each statement execute function product_cards_tell_feed();
create or replace trigger product_cards_tell_feed_of_changed after update on product_cards
referencing new table as changed for each statement execute function product_cards_tell_feed();
create or replace trigger product_cards_tell_feed_of_old after delete on product_cards
referencing old table as changed for each statement execute function product_cards_tell_feed();

-- A sale tells nothing: its trigger is not called, since a row each would make the hottest products
-- the dearest to sell and their answers useless to keep. Sold out, back again, and what the vendor
-- sets is told; the number in between is as old as cache.stock_ms allows.
create or replace function product_stock_tell_feed() returns trigger language plpgsql as $$
begin
    perform feed_tell('product', array[new.product_id]);
    return null;
end;
$$;
create or replace trigger product_stock_tell_feed after update on product_stock
for each row when (
    new.stock - new.reserved > old.stock - old.reserved
    or new.stock = new.reserved and old.stock > old.reserved
    or new.stock < old.stock and new.reserved = old.reserved
) execute function product_stock_tell_feed();

-- The name of the kind is the trigger's argument.
create or replace function feed_tell_changed() returns trigger language plpgsql as $$
begin
    perform feed_tell(tg_argv[0], array(select id from changed));
    return null;
end;
$$;
create or replace trigger vendors_tell_feed_of_new after insert on vendors
referencing new table as changed for each statement execute function feed_tell_changed('vendor');
create or replace trigger vendors_tell_feed_of_changed after update on vendors
referencing new table as changed for each statement execute function feed_tell_changed('vendor');
create or replace trigger vendors_tell_feed_of_old after delete on vendors
referencing old table as changed for each statement execute function feed_tell_changed('vendor');
create or replace trigger categories_tell_feed_of_new after insert on categories
referencing new table as changed for each statement execute function feed_tell_changed('category');
create or replace trigger categories_tell_feed_of_changed after update on categories
referencing new table as changed for each statement execute function feed_tell_changed('category');
create or replace trigger categories_tell_feed_of_old after delete on categories
referencing old table as changed for each statement execute function feed_tell_changed('category');

create or replace function reviews_tell_feed() returns trigger language plpgsql as $$
begin
    perform feed_tell('review', array(select distinct target_id from changed));
    return null;
end;
$$;
create or replace trigger reviews_tell_feed_of_new after insert on reviews
referencing new table as changed for each statement execute function reviews_tell_feed();
create or replace trigger reviews_tell_feed_of_changed after update on reviews
referencing new table as changed for each statement execute function reviews_tell_feed();
create or replace trigger reviews_tell_feed_of_old after delete on reviews
referencing old table as changed for each statement execute function reviews_tell_feed();

create or replace function feed_tell_all() returns trigger language plpgsql as $$
begin
    insert into feed_changes (kind) values (tg_argv[0]);
    return null;
end;
$$;
create or replace trigger products_tell_feed_of_all after truncate on products
for each statement execute function feed_tell_all('product');
create or replace trigger product_cards_tell_feed_of_all after truncate on product_cards
for each statement execute function feed_tell_all('product');
create or replace trigger vendors_tell_feed_of_all after truncate on vendors
for each statement execute function feed_tell_all('vendor');
create or replace trigger categories_tell_feed_of_all after truncate on categories
for each statement execute function feed_tell_all('category');
create or replace trigger reviews_tell_feed_of_all after truncate on reviews
for each statement execute function feed_tell_all('review');
