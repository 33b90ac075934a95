-- $1 id. No row: it is not there, or products or children are in it.
delete from categories
where id = $1::uuid
    and not exists (select from product_categories where product_categories.category_id = $1::uuid)
    and not exists (select from categories as children where children.parent_id = $1::uuid)
returning id;
