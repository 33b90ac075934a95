-- $1 PRODUCT or VENDOR, $2 id, as anyone may see it
select true as is_known where case $1::text
    when 'PRODUCT' then exists (
        select from products where id = $2::uuid and status <> 'DRAFT')
    else exists (select from vendors where id = $2::uuid and status = 'ACTIVE')
end;
