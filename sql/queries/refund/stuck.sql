-- $1 seconds of silence, $2 how many at most. Refunds on their way that nobody brought news of.
select id, provider_refund_id from refunds
where status = 'PENDING' and provider_refund_id is not null
    and updated_at < now() - make_interval(secs => $1::integer)
order by updated_at limit $2::integer;
