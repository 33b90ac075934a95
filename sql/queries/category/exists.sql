-- $1 id
select id from categories where id = $1::uuid;
