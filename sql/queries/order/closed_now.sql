-- $1 order. What it has become, when this transaction has ended it without a sale.
select buyer_id, status, coalesce(cancel_reason, '') as reason from orders
where id = $1::uuid and status in ('EXPIRED', 'CANCELLED') and closed_at = now();
