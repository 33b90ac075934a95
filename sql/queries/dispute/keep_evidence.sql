-- $1 dispute, $2 evidence. Fields sent before stay as they are at Stripe, unless sent again.
update disputes set evidence = evidence || $2::jsonb, updated_at = now() where id = $1::uuid;
