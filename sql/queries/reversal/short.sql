-- $1 how many. Reversals that the vendor's balance did not cover, longest waiting first.
select r.id, r.attempt, transfers.destination, transfers.currency
from transfer_reversals as r
inner join transfers on transfers.id = r.transfer_id
where r.status = 'SHORT'
order by r.updated_at limit $1::integer;
