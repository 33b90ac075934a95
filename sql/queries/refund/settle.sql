-- $1 refund, $2 PENDING or SUCCEEDED, $3 Stripe's id
update refunds set status = $2, provider_refund_id = $3, updated_at = now()
where id = $1::uuid and status = 'PENDING';
