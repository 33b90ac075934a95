-- $1 vendor. Stripe could not be asked about its account: after the others then.
update stripe_accounts set updated_at = now() where vendor_id = $1::uuid;
