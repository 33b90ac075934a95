-- $1 seconds of silence, $2 how many at most. Disputes whose end nobody brought news of; they are
-- asked about once in that time.
update disputes set updated_at = now()
where id in (
    select id from disputes
    where state in ('INQUIRY', 'OPEN')
        and updated_at < now() - make_interval(secs => $1::integer)
    order by updated_at limit $2::integer for update skip locked
)
returning payment_id, provider_dispute_id;
