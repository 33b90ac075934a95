-- $1 status or null, $2 id or null
select count(*) as total from adjustments
where ($1::text is null or status = $1) and ($2::uuid is null or id = $2::uuid);
