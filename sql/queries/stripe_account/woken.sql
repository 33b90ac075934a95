-- $1 vendor. The payouts that waited for its account have heard of it.
update stripe_accounts set is_wake_due = false where vendor_id = $1::uuid and is_wake_due;
