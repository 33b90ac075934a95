-- $1 id, $2 parent, $3 name, $4 slug, $5 position
insert into categories (id, parent_id, name, slug, position)
values ($1::uuid, $2::uuid, $3, $4, $5::integer)
returning id, parent_id, name, slug, position;
