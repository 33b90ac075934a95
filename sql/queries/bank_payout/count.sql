-- $1 vendor or null, $2 status or null
select count(*) as total from bank_payouts
where ($1::uuid is null or vendor_id = $1::uuid) and ($2::text is null or status = $2);
