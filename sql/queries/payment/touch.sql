-- $1 payment. Stripe could not be asked: after the others then.
update payments set checked_at = now() where id = $1::uuid;
