-- $1 id, null: stays: $2 business name, $3 slug, $4 description, $5 country
update vendors
set business_name = coalesce($2, business_name),
    slug = coalesce($3, slug),
    description = coalesce($4, description),
    country = coalesce($5, country),
    updated_at = now()
where id = $1::uuid;
