-- $1 reversal. What Stripe must be told.
select r.id, r.refund_id, r.dispute_id, r.attempt, r.asked_minor, r.status,
    transfers.provider_transfer_id
from transfer_reversals as r
inner join transfers on transfers.id = r.transfer_id
where r.id = $1::uuid;
