-- What a product's JSON shows of its categories and images, ready made: a list reads one row by key
-- where it would gather and sort several. A table of its own, since products are rewritten at every
-- sale and locked in checkouts: renaming a category rewrites the cards of all its products and must
-- not touch those. A product with neither has no card.
create table product_cards (
    product_id uuid not null,
    categories json not null default '[]',
    images json not null default '[]',
    constraint product_cards_pkey primary key (product_id),
    constraint product_cards_product_id_fkey foreign key (product_id) references products (id)
    on delete cascade
);

create function product_cards_set_categories(p_product_ids uuid[]) returns void language sql as $$
    insert into product_cards (product_id, categories)
    select
        wanted.product_id,
        ('[' || coalesce((
            select string_agg(row_to_json(shown)::text, ',' order by shown.name, shown.id)
            from (
                select categories.id, categories.slug, categories.name
                from product_categories
                inner join categories on categories.id = product_categories.category_id
                where product_categories.product_id = wanted.product_id
            ) as shown
        ), '') || ']')::json
    from unnest(p_product_ids) as wanted (product_id)
    order by wanted.product_id
    on conflict (product_id) do update set categories = excluded.categories;
$$;

create function product_cards_set_images(p_product_id uuid) returns void language sql as $$
    insert into product_cards (product_id, images)
    select
        p_product_id,
        ('[' || coalesce(
            string_agg(row_to_json(shown)::text, ',' order by shown.position), ''
        ) || ']')::json
    from (
        select id, url, alt, position from product_images where product_id = p_product_id
    ) as shown
    on conflict (product_id) do update set images = excluded.images;
$$;

-- A rename that is under way is waited for, and one that comes later waits for this: else each
-- would miss what the other has not committed. The statement after the lock sees what it waited for.
create function product_categories_set_cards() returns trigger language plpgsql as $$
declare
    v_product_ids uuid[] := array(select distinct product_id from changed);
begin
    perform from categories
    where id in (
        select category_id from product_categories where product_id = any(v_product_ids)
    )
    order by id
    for share;
    perform product_cards_set_categories(v_product_ids);
    return null;
end;
$$;
create trigger product_categories_set_cards_of_new after insert on product_categories
referencing new table as changed
for each statement execute function product_categories_set_cards();
create trigger product_categories_set_cards_of_old after delete on product_categories
referencing old table as changed
for each statement execute function product_categories_set_cards();

-- Renames queue, or two of them on one product would each write the other's old name. They do not
-- lock the categories beside theirs: two that did would wait for each other.
create function categories_set_cards() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtext('categories'));
    perform product_cards_set_categories(
        array(select product_id from product_categories where category_id = new.id)
    );
    return null;
end;
$$;
create trigger categories_set_cards after update of name, slug on categories
for each row when (old.name <> new.name or old.slug <> new.slug)
execute function categories_set_cards();

create function product_images_set_cards() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        perform product_cards_set_images(old.product_id);
    end if;
    if tg_op = 'INSERT' or new.product_id <> old.product_id then
        perform product_cards_set_images(new.product_id);
    end if;
    return null;
end;
$$;
create trigger product_images_set_cards after insert or update or delete on product_images
for each row execute function product_images_set_cards();

select product_cards_set_categories(array(select distinct product_id from product_categories));
select product_cards_set_images(product_id)
from (select distinct product_id from product_images) as shown;
