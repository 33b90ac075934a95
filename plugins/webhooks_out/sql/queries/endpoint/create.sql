-- $1 address, $2 event types, $3 description, $4 how many there may be
insert into plugin_webhooks_out.endpoints (url, events, description)
select $1, $2::text[], $3
where (select count(*) from plugin_webhooks_out.endpoints) < $4::integer
returning id;
