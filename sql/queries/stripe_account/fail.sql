-- $1 vendor, $2 why. Stripe does not make its account.
update stripe_accounts set status = 'FAILED', failure_message = $2, updated_at = now()
where vendor_id = $1::uuid and status = 'CREATING';
