-- $1 event, $2 DONE or IGNORED, $3 remark
update stripe_events set state = $2, problem = $3, tries = tries + 1, processed_at = now()
where id = $1 and state = 'NEW';
