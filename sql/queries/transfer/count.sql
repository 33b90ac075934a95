-- $1 vendor or null, $2 status or null, $3 payout or null
select count(*) as total from transfers
where ($1::uuid is null or vendor_id = $1::uuid) and ($2::text is null or status = $2)
    and ($3::uuid is null or payout_id = $3::uuid);
