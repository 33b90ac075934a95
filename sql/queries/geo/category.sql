-- $1 a category by id or slug.
select id from categories where id::text = lower($1) or slug = $1;
