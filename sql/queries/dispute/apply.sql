-- $1 payment, $2 the dispute at Stripe, $3 terms by vendor order. Returns outcome, dispute_id,
-- is_reversing.
select outcome, dispute_id, is_reversing from dispute_apply($1::uuid, $2::jsonb, $3::jsonb);
