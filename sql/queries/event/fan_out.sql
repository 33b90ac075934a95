-- $1 how many. Events that nobody has handed round yet; the caller marks them in the same
-- transaction.
select id, type from outbox_events
where done_at is null order by id limit $1::integer
for update skip locked;
