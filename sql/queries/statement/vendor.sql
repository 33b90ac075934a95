-- $1 vendor
select id from vendors where id = $1::uuid;
