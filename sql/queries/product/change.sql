-- $1 id, then what changes, null: stays: $2 name, $3 slug, $4 description, $5 attributes, $6 price
update products
set name = coalesce($2, name),
    slug = coalesce($3, slug),
    description = coalesce($4, description),
    attributes = coalesce($5::jsonb, attributes),
    price_minor = coalesce($6::bigint, price_minor),
    version = version + 1,
    updated_at = now()
where id = $1::uuid;
