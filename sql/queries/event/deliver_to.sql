-- $1 events, $2 consumers, pairwise
insert into event_deliveries (event_id, consumer)
select w.event_id, w.consumer from unnest($1::bigint[], $2::text[]) as w (event_id, consumer)
on conflict on constraint event_deliveries_pkey do nothing;
