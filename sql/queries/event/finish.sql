-- $1 event, $2 consumer
update event_deliveries set state = 'DONE', finished_at = now(), attempts = attempts + 1
where event_id = $1::bigint and consumer = $2;
