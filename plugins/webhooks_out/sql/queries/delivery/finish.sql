-- $1 delivery, $2 status, $3 the beginning of the answer
update plugin_webhooks_out.deliveries
set state = 'DONE', status = $2::integer, answer = $3, problem = null, attempts = attempts + 1,
    leased_until = null, finished_at = now()
where id = $1::bigint and state = 'NEW';
