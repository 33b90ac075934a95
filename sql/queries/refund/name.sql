-- $1 refund, $2 Stripe's id
update refunds set provider_refund_id = $2, updated_at = now()
where id = $1::uuid and provider_refund_id is null;
