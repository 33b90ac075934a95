-- $1 how many at most. Vendors whose payouts have yet to hear that the account is ready.
select vendor_id from stripe_accounts where is_wake_due
order by vendor_id limit $1::integer;
