-- $1 order, $2 buyer. Locked until the transaction ends.
select
    id, number, status, total_minor, currency,
    status = 'EXPIRED' or (status = 'PENDING' and expires_at <= now()) as is_expired
from orders where id = $1::uuid and buyer_id = $2::uuid
for update;
