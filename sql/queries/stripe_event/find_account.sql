-- $1 an account at Stripe. No row: no vendor of ours has it.
select vendor_id from stripe_accounts where provider_account_id = $1;
