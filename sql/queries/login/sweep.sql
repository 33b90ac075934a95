delete from login_attempts where first_failed_at < now() - interval '15 minutes';
