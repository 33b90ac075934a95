-- $1 name. What has not begun yet, or decides for a share only, ends when all is taken over.
update policy_activations set cancelled_at = now()
where name = $1 and cancelled_at is null and (starts_at > now() or percent < 100);
