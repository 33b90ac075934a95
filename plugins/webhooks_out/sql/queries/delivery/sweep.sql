-- $1 days that the log is kept
delete from plugin_webhooks_out.deliveries
where id in (
    select id from plugin_webhooks_out.deliveries
    where state <> 'NEW' and finished_at < now() - make_interval(days => $1::integer)
    limit 10000
);
