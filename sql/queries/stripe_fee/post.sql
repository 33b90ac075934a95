-- $1 payment, $2 Stripe's fee in minor units
select stripe_fee_post($1::uuid, $2::bigint) as is_posted;
