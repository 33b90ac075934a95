-- $1 vendor, $2 the account in our words, $3 when Stripe was asked (null: when it was made)
select stripe_account_apply($1::uuid, $2::jsonb, $3::timestamptz) as outcome;
