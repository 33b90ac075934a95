-- $1 Stripe's id, $2 transfer that its metadata names (null: none)
select transfers.id, transfers.status, transfers.amount_minor, transfers.reversed_minor, coalesce((
        select sum(r.asked_minor) from transfer_reversals as r
        where r.transfer_id = transfers.id and r.status = 'PENDING'
    ), 0)::bigint as underway_minor
from transfers
where provider_transfer_id = $1 or (id = $2::uuid and provider_transfer_id is null);
