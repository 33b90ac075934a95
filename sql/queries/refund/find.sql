-- $1 Stripe's id of a refund, $2 refund that its metadata names (null: none)
select id, status from refunds
where provider_refund_id = $1 or (id = $2::uuid and provider_refund_id is null)
order by provider_refund_id is null
limit 1;
