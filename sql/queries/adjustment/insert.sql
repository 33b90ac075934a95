-- $1 id, $2 currency, $3 postings, $4 reason, $5 order or null, $6 who
insert into adjustments (id, currency, postings, reason, order_id, proposed_by)
values ($1::uuid, $2, $3::jsonb, $4, $5::uuid, $6::uuid);
