-- $1 vendor, $2 attempt, $3 why. Stripe does not make that account.
update stripe_accounts set status = 'FAILED', failure_message = $3, updated_at = now()
where vendor_id = $1::uuid and attempt = $2::integer and status = 'CREATING';
