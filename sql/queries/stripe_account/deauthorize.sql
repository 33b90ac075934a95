-- $1 vendor, $2 Stripe's id of the account
select stripe_account_deauthorize($1::uuid, $2) as is_changed;
