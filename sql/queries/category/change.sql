-- $1 id, $2 name, $3 slug, $4 position (null: stays), $5 is the parent given, $6 parent
update categories
set name = coalesce($2, name),
    slug = coalesce($3, slug),
    position = coalesce($4::integer, position),
    parent_id = case when $5::boolean then $6::uuid else parent_id end,
    updated_at = now()
where id = $1::uuid
returning id, parent_id, name, slug, position;
