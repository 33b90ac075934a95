-- $1 dispute
select payment_id from disputes where id = $1::uuid;
