delete from rate_counters where minute < now() - interval '2 minutes';
