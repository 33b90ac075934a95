-- $1 subject. Counts one more request of this minute.
insert into rate_counters (subject, minute, requests)
values ($1, date_trunc('minute', now()), 1)
on conflict (subject, minute) do update set requests = rate_counters.requests + 1
returning requests;
