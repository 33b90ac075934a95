-- $1 consumer. Its next event that is due, with its lock; one that waits for another try does not
-- hold up those behind it.
select d.event_id as id, d.attempts, e.type, e.data, e.created_at
from event_deliveries as d
inner join outbox_events as e on e.id = d.event_id
where d.consumer = $1 and d.state = 'NEW' and d.next_at <= now()
order by d.event_id limit 1
for update of d skip locked;
