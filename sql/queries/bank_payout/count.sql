-- $1 vendor or null, $2 status or null, $3 whether the platform's own or only vendors', or null
select count(*) as total from bank_payouts
where ($1::uuid is null or vendor_id = $1::uuid)
    and ($2::text is null or status = $2)
    and ($3::boolean is null or (vendor_id is null) = $3);
