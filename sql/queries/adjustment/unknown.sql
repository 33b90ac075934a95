-- $1 vendors, $2 order or null. What of these is not there: vendors by id, the order.
select id::text as id from unnest($1::uuid[]) as asked (id)
where not exists (select from vendors where vendors.id = asked.id)
union all
select 'order' where $2::uuid is not null
    and not exists (select from orders where orders.id = $2::uuid);
